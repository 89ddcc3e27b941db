// The CPU level in use: an index into the kernels' tables.
#pragma once
extern int hw_level_in_use;
