/**
 * The wheels that hold LibTorch, pinned by sha256. The CUDA list is what torch 2.11.0's own metadata asks for on Linux,
 * without triton and nvtx, which C++ does not use.
 */

export const TORCH_VERSION = '2.11.0';
export const TORCH_MINOR = '2.11';

// libtorch_cpu.so of the Linux wheels is linked to these two (Kineto's), GPU or not; neither needs a driver to load.
const CPU_NEEDS = ['nvidia-cuda-runtime', 'nvidia-cuda-cupti'];

const LINUX_X64 = {
  torch: ['2.11.0', '0f68f4ac6d95d12e896c3b7a912b5871619542ec54d3649cf48cc1edd4dd2756'],
  'nvidia-cuda-runtime': ['13.0.96', '7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548'],
  'nvidia-cuda-cupti': ['13.0.85', '4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8'],
  'nvidia-cublas': ['13.1.0.3', 'ee8722c1f0145ab246bccb9e452153b5e0515fd094c3678df50b2a0888b8b171'],
  'nvidia-cuda-nvrtc': ['13.0.88', 'ad9b6d2ead2435f11cbb6868809d2adeeee302e9bb94bcf0539c7a40d80e8575'],
  'nvidia-cufft': ['12.0.0.61', '6c44f692dce8fd5ffd3e3df134b6cdb9c2f72d99cf40b62c32dde45eea9ddad3'],
  'nvidia-cufile': ['1.15.1.6', '08a3ecefae5a01c7f5117351c64f17c7c62efa5fffdbe24fc7d298da19cd0b44'],
  'nvidia-curand': ['10.4.0.35', '1aee33a5da6e1db083fe2b90082def8915f30f3248d5896bcec36a579d941bfc'],
  'nvidia-cusolver': ['12.0.4.66', '0a759da5dea5c0ea10fd307de75cdeb59e7ea4fcb8add0924859b944babf1112'],
  'nvidia-cusparse': ['12.6.3.3', '2b3c89c88d01ee0e477cb7f82ef60a11a4bcd57b6b87c33f789350b59759360b'],
  'nvidia-nvjitlink': ['13.0.88', '13a74f429e23b921c1109976abefacc69835f2f433ebd323d3946e11d804e47b'],
  'nvidia-cudnn-cu13': ['9.19.0.56', 'd20e1734305e9d68889a96e3f35094d733ff1f83932ebe462753973e53a572bf'],
  'nvidia-cusparselt-cu13': ['0.8.0', '25e30a8a7323935d4ad0340b95a0b69926eee755767e8e0b1cf8dd85b197d3fd'],
  'nvidia-nccl-cu13': ['2.28.9', 'e4553a30f34195f3fa1da02a6da3d6337d28f2003943aa0a3d247bbc25fefc42'],
  'nvidia-nvshmem-cu13': ['3.4.5', '290f0a2ee94c9f3687a02502f3b9299a9f9fe826e6d0287ee18482e78d495b80'],
};

const LINUX_ARM64 = {
  torch: ['2.11.0', 'f99924682ef0aa6a4ab3b1b76f40dc6e273fca09f367d15a524266db100a723f'],
  'nvidia-cuda-runtime': ['13.0.96', 'ef9bcbe90493a2b9d810e43d249adb3d02e98dd30200d86607d8d02687c43f55'],
  'nvidia-cuda-cupti': ['13.0.85', '796bd679890ee55fb14a94629b698b6db54bcfd833d391d5e94017dd9d7d3151'],
  'nvidia-cublas': ['13.1.0.3', 'c86fc7f7ae36d7528288c5d88098edcb7b02c633d262e7ddbb86b0ad91be5df2'],
  'nvidia-cuda-nvrtc': ['13.0.88', 'd27f20a0ca67a4bb34268a5e951033496c5b74870b868bacd046b1b8e0c3267b'],
  'nvidia-cufft': ['12.0.0.61', '2708c852ef8cd89d1d2068bdbece0aa188813a0c934db3779b9b1faa8442e5f5'],
  'nvidia-cufile': ['1.15.1.6', 'bdc0deedc61f548bddf7733bdc216456c2fdb101d020e1ab4b88d232d5e2f6d1'],
  'nvidia-curand': ['10.4.0.35', '133df5a7509c3e292aaa2b477afd0194f06ce4ea24d714d616ff36439cee349a'],
  'nvidia-cusolver': ['12.0.4.66', '02c2457eaa9e39de20f880f4bd8820e6a1cfb9f9a34f820eb12a155aa5bc92d2'],
  'nvidia-cusparse': ['12.6.3.3', '80bcc4662f23f1054ee334a15c72b8940402975e0eab63178fc7e670aa59472c'],
  'nvidia-nvjitlink': ['13.0.88', 'e931536ccc7d467a98ba1d8b89ff7fa7f1fa3b13f2b0069118cd7f47bff07d0c'],
  'nvidia-cudnn-cu13': ['9.19.0.56', '6ed29ffaee1176c612daf442e4dd6cfeb6a0caa43ddcbeb59da94953030b1be4'],
  'nvidia-cusparselt-cu13': ['0.8.0', '400c6ed1cf6780fc6efedd64ec9f1345871767e6a1a0a552a1ea0578117ea77c'],
  'nvidia-nccl-cu13': ['2.28.9', '01c873ba1626b54caa12272ed228dc5b2781545e0ae8ba3f432a8ef1c6d78643'],
  'nvidia-nvshmem-cu13': ['3.4.5', '6dc2a197f38e5d0376ad52cd1a2a3617d3cdc150fd5966f4aee9bcebb1d68fe9'],
};

const MACOS_ARM64 = {
  torch: ['2.11.0', '4b5866312ee6e52ea625cd211dcb97d6a2cdc1131a5f15cc0d87eec948f6dd34'],
};

// pip matches platform tags literally, and each NVIDIA wheel carries a tag of its own between 2.5 and 2.28.
const linuxTags = (machine) => [
  ...Array.from({ length: 12 }, (_, i) => `manylinux_2_${28 - i}_${machine}`),
  `manylinux2014_${machine}`,
  `manylinux2010_${machine}`,
  `manylinux1_${machine}`,
];

const PLATFORMS = {
  'linux-x64': { tags: linuxTags('x86_64'), wheels: LINUX_X64, library: 'libtorch_cpu.so', cuda: true },
  'linux-arm64': { tags: linuxTags('aarch64'), wheels: LINUX_ARM64, library: 'libtorch_cpu.so', cuda: true },
  'darwin-arm64': { tags: ['macosx_11_0_arm64'], wheels: MACOS_ARM64, library: 'libtorch_cpu.dylib', cuda: false },
};

/** The platform's entry, or null where no wheel is known (musl counts as unknown: the wheels need glibc). */
export function platformOf(name = `${process.platform}-${process.arch}`) {
  if (name.startsWith('linux-') && !process.report.getReport().header.glibcVersionRuntime) return null;
  return PLATFORMS[name] ? { name, ...PLATFORMS[name] } : null;
}

/** Wheels of a variant in download order: `{ name, version, sha256 }`. */
export function wheelsOf(platform, variant) {
  return Object.entries(platform.wheels)
    .filter(([name]) => variant === 'cuda' || name === 'torch' || CPU_NEEDS.includes(name))
    .map(([name, [version, sha256]]) => ({ name, version, sha256 }));
}

// libtorch.so only ties the CPU and CUDA libraries together, so it cannot load without the latter.
const CUDA_LIBRARIES =
  /^(libtorch_cuda.*|libc10_cuda|libcaffe2_nvrtc|libtorch_nvshmem|libtorch|libtorch_global_deps)\.so$/;
const PYTHON_LIBRARIES = /^(libtorch_python|libshm)\./;

/** Whether a member of a wheel is unpacked. */
export function isWanted(member, variant) {
  const library = /^torch\/lib\/([^/]+)$/.exec(member)?.[1];
  if (library) return !PYTHON_LIBRARIES.test(library) && (variant === 'cuda' || !CUDA_LIBRARIES.test(library));
  if (/^nvidia\/.*\/lib\/[^/]+$/.test(member)) return !member.endsWith('.a');
  return /^torch\/include\/|^torch\.libs\/|^torch\/\.dylibs\/|^torch\/version\.py$|\.dist-info\/.*(LICENSE|NOTICE)[^/]*$/i.test(
    member,
  );
}
