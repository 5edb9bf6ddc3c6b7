package vocabulary

import "io/fs"

// OpenFS opens a bundle that is no folder of the disk.
func OpenFS(folder fs.FS) (*Bundle, error) {
	b := newBundle()
	b.folder = folder
	return b, b.find(true)
}
