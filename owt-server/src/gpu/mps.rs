//! Whether CUDA's Multi-Process Service shares a GPU between processes here. owt starts none.

use std::env;
use std::path::PathBuf;

/// Where its server listens: by its documentation, "CUDA_MPS_PIPE_DIRECTORY".
const VARIABLE: &str = "CUDA_MPS_PIPE_DIRECTORY";
const DEFAULT: &str = "/tmp/nvidia-mps";

/// Whether programs that are started here would be clients of it.
#[must_use]
pub fn is_active() -> bool {
    let folder = env::var_os(VARIABLE).map_or_else(|| DEFAULT.into(), PathBuf::from);
    folder.join("control").exists()
}
