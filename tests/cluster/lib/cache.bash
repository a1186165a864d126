# shellcheck shell=bash disable=SC2034
# The cache folder: keys, messages, entries that are complete or absent.

cache="${STRATBOX_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/stratbox}/cluster"

say() { printf 'cluster build: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

# Standard input -> 12 hexadecimal digits.
hash_text() { sha256sum | cut -c1-12; }

# The content and names of files -> 12 hexadecimal digits.
hash_files() { sha256sum "$@" | sed 's|  .*/|  |' | hash_text; }

# Runs a command that fills the folder "$1"; the folder appears only if it succeeds
# (errexit ends the script otherwise, so never call this behind `if`, `&&` or `||`).
make_entry() {
    local target=$1
    shift
    local growing="$target.tmp"
    rm -rf "$growing"
    mkdir -p "$growing"
    "$@" "$growing"
    touch "$growing/.complete"
    rm -rf "$target"
    mv "$growing" "$target"
}
