// Empty on purpose: this target names the apt package; CKernels includes dnnl.h and links `dnnl`.
