// Checks of an LMDB file. The LMDB library trusts its pages: it follows their offsets unchecked and ends the program by
// assertions. So this code walks the tree first, with bounds, before the library maps the file.
#pragma once

#include <string>
#include <vector>

namespace crema {

// The keys of the unnamed database in LMDB file `path` (a data.mdb), in order. Throws Error for faults that could crash
// the library: wrong magic, version or page size, a file shorter than its pages, offsets outside of a page or of the
// file, loops; and for databases with duplicate or integer keys or with named databases in them, which hold no records.
std::vector<std::string> lmdb_keys(const std::string& path);

}  // namespace crema
