# shellcheck shell=bash disable=SC2154 # root, cache, builds and minutes are set by those who source this file
# What `./test --fuzz` does. A subject is a case in Sources/Fuzz/Subject.swift and a folder of first inputs here.

# Only these builds have libFuzzer in them; the folder is theirs alone, for other flags would rebuild everything.
build_fuzz() {
  APUS_FUZZ=yes build fuzz -c release --product Fuzz
}

fuzz_subjects() {
  local folder
  for folder in "$root"/Scripts/fuzz/*/; do basename "$folder"; done
}

# fuzz SUBJECT: feeds it for so many minutes. What led somewhere new is kept and comes first in the next run; so does
# what went wrong, until it does no more.
fuzz() {
  local found=$cache/corpus/$1 crashes=$cache/crashes/$1 options=()
  mkdir -p "$found" "$crashes"
  if [[ -f $root/Scripts/fuzz/$1.dict ]]; then options+=("-dict=$root/Scripts/fuzz/$1.dict"); fi
  # Swift's own account of a crash would wait for ever on a process that libFuzzer has ended.
  SWIFT_BACKTRACE=enable=no "$builds/fuzz/release/Fuzz" "--$1" -max_total_time=$((minutes * 60)) -max_len=4096 \
    -timeout=10 -rss_limit_mb=2048 -print_funcs=0 -print_final_stats=1 -artifact_prefix="$crashes/" "${options[@]}" \
    "$found" "$crashes" "$root/Scripts/fuzz/$1" 2>&1 | without_details
}

# Each new input has a line, and at the end comes a dictionary: thousands of lines.
without_details() {
  sed --unbuffered '/\t\(NEW\|REDUCE\|RELOAD\) \|^INFO\|^"\|^####/d'
}
