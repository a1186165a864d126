# shellcheck shell=bash disable=SC2034,SC2154
# What is built, and how: one family is one folder of modules/, with its own go.mod,
# because the families need different versions of the same libraries.

FAMILIES=(pause containerd etcd kubernetes helm)

# Debian packages that the build (first line) and the running node (second) need.
PACKAGES=(gcc libc6-dev libseccomp-dev pkg-config
    iproute2 nftables conntrack openssl)

install_packages() {
    local missing=() package
    command -v dpkg-query >/dev/null || return 0 # another distribution: the build says what lacks
    for package in "${PACKAGES[@]}"; do
        [[ -e /var/lib/dpkg/info/$package.list || -n $(compgen -G "/var/lib/dpkg/info/$package:*.list") ]] ||
            missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    say "installing Debian packages: ${missing[*]}"
    DEBIAN_FRONTEND=noninteractive apt-get -qq update >&2
    DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends -y "${missing[@]}" >/dev/null
}

# The cache folder of a family: its name and the hash of its inputs.
family_entry() {
    local inputs=("$here/lib/recipes.bash")
    case $1 in
        pause) inputs+=("$here"/pause/* "$here/lib/oci.py") ;;
        *) inputs+=("$here/modules/$1"/*) ;;
    esac
    printf '%s/%s-%s\n' "$cache" "$1" "$( (hash_files "${inputs[@]}"; echo "$toolchain") | hash_text)"
}

build_family() {
    local family=$1 target=$2 begun=$SECONDS
    say "building $family ($(expected_time "$family") on two cold cores)"
    if [[ $family == pause ]]; then
        make_entry "$target" build_pause
    else
        make_entry "$target" build_go "$here/modules/$family"
    fi
    say "$family built in $((SECONDS - begun)) s"
}

expected_time() {
    case $1 in
        kubernetes) echo "about 7 min" ;;
        helm) echo "about 2 min" ;;
        pause) echo "1 s" ;;
        *) echo "about 1 min" ;;
    esac
}

# One folder "$1" with a link to every file of the other folders named.
link_together() {
    make_entry "$1" link_files "${@:2}"
}

link_files() {
    local into=${!#} source file
    for source in "${@:1:$#-1}"; do
        while read -r file; do
            mkdir -p "$(dirname "$into/$file")"
            ln -s "$source/$file" "$into/$file"
        done < <(cd "$source" && find . -type f ! -name .complete -printf '%P\n')
    done
}
