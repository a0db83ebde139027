// What the machine can do at most, in rates that this process reaches: the two sides of the roofline.
#pragma once

namespace crema {

struct MachineRates {
  double gemm_flops;   // per second: products of 1024 x 1024 matrices in float, the better of OpenBLAS and the engine
  double copy_bytes;   // per second, read and written: y = x over arrays beyond every cache
  double triad_bytes;  // the same of z = x + a y, two reads and a write
  double bandwidth() const { return copy_bytes > triad_bytes ? copy_bytes : triad_bytes; }
};

// The best of several short runs of each, on `threads` threads (0: all). Takes about a second.
MachineRates measure_machine(int threads);

}  // namespace crema
