# shellcheck shell=bash disable=SC2154
# How a family's folder is filled. This file is part of every key: a change builds all again.

build_pause() {
    local root="$1/root"
    mkdir "$root"
    gcc -static -Os -Wall -Wextra -Werror -s -o "$root/pause" "$here/pause/pause.c"
    python3 -B "$here/lib/oci.py" --name localhost/stratbox/pause:1 --entrypoint /pause --user 65535:65535 \
        "$root" "$1/pause.tar" >/dev/null
    rm -r "$root"
}

# Builds every line of the folder's `binaries` file into "$2".
build_go() {
    local module=$1 target=$2 flags="-s -w" line binary package cgo tags begun
    if [[ -e $module/stamp ]]; then
        while read -r line; do
            [[ -z $line || $line == \#* ]] || flags+=" -X $line"
        done <"$module/stamp"
    fi
    while read -r binary package cgo tags; do
        [[ -z $binary || $binary == \#* ]] && continue
        begun=$SECONDS
        (cd "$module" && GOFLAGS='' GOWORK=off CGO_ENABLED=$cgo go build -mod=readonly -buildvcs=false -trimpath \
            -tags "$tags" -ldflags "$flags" -o "$target/$binary" "$package")
        say "  $binary $((SECONDS - begun)) s"
    done <"$module/binaries"
}
