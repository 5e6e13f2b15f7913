# SPDX-License-Identifier: MIT
# For the scripts here: writes what programs see of a build's library, its symbols and the types of the public headers.
describe() { # BUILD FILE
	abidw --suppressions "$(dirname "$0")/private.abignore" --exported-interfaces-only --type-id-style hash \
		--no-show-locs --no-comp-dir-path --no-corpus-path --no-elf-needed --no-parameter-names \
		--out-file "$2" "$1/libshoal.so"
	# Where it was built is nobody's business.
	sed -i -E "s#path='[^']*/((lib|codecs|transports)/[^']*)'#path='\\1'#" "$2"
}
