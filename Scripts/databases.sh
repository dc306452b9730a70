# shellcheck shell=bash
# A real PostgreSQL and a real Redis for the tests, in a folder that goes with them. Sourced after Scripts/setup.sh.
#
# Both listen on free ports of loopback, and PostgreSQL on a socket in the folder too. Neither waits for the disk:
# PostgreSQL runs with fsync off and Redis keeps nothing, since no test cuts the machine's power.

databases='' postgres_id='' redis_id=''

# free_port: a port of loopback that nobody listens on.
free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# as_owner COMMAND...: becomes it, as `postgres` when we are root, which PostgreSQL refuses to be.
as_owner() {
  if ((EUID == 0)); then
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$@"
  else
    exec "$@"
  fi
}

# answers COMMAND...: whether it succeeds within 20 seconds.
answers() {
  local deadline=$((SECONDS + 20))
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < deadline)) || return 1
    sleep 0.1
  done
}

start_postgres() {
  local bin folder=$databases/postgres password port
  bin=$(find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1)
  [[ -x $bin/initdb ]] || give_up "PostgreSQL's server is not installed: apt-get install postgresql"
  password=$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')
  port=$(free_port)
  mkdir "$folder"
  printf '%s\n' "$password" >"$folder/password"
  if ((EUID == 0)); then chown -R postgres: "$folder"; fi
  (as_owner "$bin/initdb" --pgdata "$folder/data" --username apus --pwfile "$folder/password" --auth scram-sha-256 \
    --encoding UTF8 --locale C.UTF-8 --no-sync) >"$databases/initdb.log" 2>&1 ||
    give_up "PostgreSQL's files cannot be made: $(tail "$databases/initdb.log")"
  (as_owner "$bin/postgres" -D "$folder/data" -p "$port" -c listen_addresses=127.0.0.1 \
    -c "unix_socket_directories=$folder" -c fsync=off -c log_min_messages=fatal) >"$databases/postgres.log" 2>&1 &
  postgres_id=$!
  answers "$bin/pg_isready" -h 127.0.0.1 -p "$port" ||
    give_up "PostgreSQL does not answer: $(tail "$databases/postgres.log")"
  export APUS_TEST_POSTGRES=postgres://apus:$password@127.0.0.1:$port/postgres
}

start_redis() {
  local port
  command -v redis-server >/dev/null || give_up "Redis is not installed: apt-get install redis-server"
  port=$(free_port)
  redis-server --bind 127.0.0.1 --port "$port" --save '' --appendonly no --dir "$databases" \
    >"$databases/redis.log" 2>&1 &
  redis_id=$!
  answers redis-cli -h 127.0.0.1 -p "$port" ping || give_up "Redis does not answer: $(tail "$databases/redis.log")"
  export APUS_TEST_REDIS=redis://127.0.0.1:$port/0
}

# start_databases: starts both, waits until they answer, and tells the tests by APUS_TEST_POSTGRES and APUS_TEST_REDIS.
# They end with the script at the latest, however it ends.
start_databases() {
  databases=$(mktemp -d)
  chmod 755 "$databases" # PostgreSQL runs as somebody else
  trap stop_databases EXIT
  start_postgres
  start_redis
}

# end SIGNAL PROCESS: ends a child and waits for it; nothing when there is none.
end() {
  if [[ $2 ]] && kill "-$1" "$2" 2>/dev/null; then wait "$2" 2>/dev/null || true; fi
}

# stop_databases: ends exactly these two, and removes the folder.
stop_databases() {
  [[ $databases ]] || return 0
  end QUIT "$postgres_id" # at once: nothing is to be kept
  end KILL "$redis_id"
  rm -rf "$databases"
  databases='' postgres_id='' redis_id=''
  unset APUS_TEST_POSTGRES APUS_TEST_REDIS
  trap - EXIT
}
