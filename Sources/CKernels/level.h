// The CPU level in use: an index into the kernels' tables.
#pragma once
extern int hw_level_in_use;
/// Holds oneDNN to the level in use, before its first product; -1 if it is already held to another.
int hw_lower_onednn(void);
