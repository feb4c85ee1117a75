# Shared by the scripts here. Source it; it changes to the top of the repository.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

stage() {
    printf '\n== %s\n' "$1"
}

# need PROGRAM PACKAGE...: installs Debian packages when a program is missing.
need() {
    local program=$1
    shift
    command -v "$program" >/dev/null && return
    local sudo=""
    [ "$(id -u)" = 0 ] || sudo=sudo
    if ! command -v apt-get >/dev/null; then
        printf 'This needs %s. Install the package %s and run it again.\n' "$program" "$*" >&2
        exit 1
    fi
    $sudo apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq "$@" >/dev/null
}
