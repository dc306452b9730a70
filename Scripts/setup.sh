# shellcheck shell=bash disable=SC2034 # used by those who source this file
# What ./run and ./test share: where things are, what must be installed, how a long command is run.

root=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/apus
builds=${APUS_BUILD_DIR:-$cache}
swift_wanted=6.3
pins=$root/Scripts/downloads.txt

say() { printf '%s\n' "$*" >&2; }

give_up() {
  say "$(basename "$0"): $*"
  exit 69 # EX_UNAVAILABLE
}

# attended COMMAND...: runs it in a process group of its own, which a signal to this script ends; its status goes into
# `outcome`. Left to itself, bash would answer the signal only once the command is through, or leave the command behind.
# Not to be called where bash ignores errors (after `if`, before `||`): the command would not stop at its first either.
attended() {
  outcome=0
  set -m
  "$@" </dev/null &
  child=$!
  set +m
  trap end_child INT TERM HUP
  wait "$child" || outcome=$?
  trap - INT TERM HUP
}

end_child() {
  kill -TERM -- "-$child" 2>/dev/null || true
  wait "$child" || true
  exit 130
}

# install_packages NAME...: Debian's packages that are not there yet.
install_packages() {
  local package missing=() sudo=()
  command -v dpkg-query >/dev/null || return 0 # not Debian: what is missing will say so itself
  for package; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  say "      installing ${missing[*]}"
  if ((EUID != 0)); then
    command -v sudo >/dev/null || give_up "as root, please: apt-get install ${missing[*]}"
    sudo=(sudo)
  fi
  "${sudo[@]}" apt-get -qq update
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends "${missing[@]}" >/dev/null
}

# Swift itself, and what the Swift packages link to or are built with.
install_tools() {
  local version
  install_packages ca-certificates curl g++ git libpq-dev libsqlite3-dev python3-venv zlib1g-dev "$@"
  command -v swift >/dev/null ||
    give_up "Swift $swift_wanted is not on the PATH; https://www.swift.org/install tells how to get it"
  version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9.]*\).*/\1/p')
  printf '%s\n' "$swift_wanted" "$version" | sort -C -V ||
    give_up "Swift $swift_wanted is needed; on the PATH is $version"
}

# build FOLDER ARGUMENTS...: builds into that folder of the cache, so that every clone here shares what was built.
build() {
  swift build --package-path "$root" --scratch-path "$builds/$1" "${@:2}"
}

# The one release build: with Swift's own libraries inside, so that what is measured and tried is what is shipped.
build_release() {
  build static -c release --static-swift-stdlib --product apus
}

# make_venv FOLDER REQUIREMENTS: a Python of our own with exactly these packages.
make_venv() {
  cmp -s "$2" "$1/requirements.txt" && return
  python3 -m venv --clear "$1"
  "$1/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: --no-deps --require-hashes -r "$2"
  cp "$2" "$1/requirements.txt"
}
