#!/bin/sh
# Puts the built images of all bases into one release, with one list of checksums.
#   TAG=v1.2.3 ci/release.sh DIRECTORY      (needs the GitHub command line, logged in)
set -eu
directory=${1:?the directory with one directory an image}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
# Each base's files carry its name; what does not (SHA256SUMS) is made anew for all of them.
find "$directory" -type f \( -name 'encrocam-*.xz' -o -name 'encrocam-*.bmap' -o -name 'encrocam-*.json' \) -exec cp -n {} "$out" \;
[ -n "$(ls -A "$out")" ] || { echo "release: no images in $directory" >&2; exit 1; }
(cd "$out" && sha256sum -- * >SHA256SUMS && cat SHA256SUMS)
[ -n "${DRY_RUN:-}" ] || gh release create "${TAG:?the tag to release}" --verify-tag --generate-notes "$out"/*
