//! The GPUs of this machine: which of them the workers of a pool see, and how much memory they have.

mod installed;
mod mask;
mod mps;

pub use installed::gpus;
pub(crate) use installed::{Gpu, installed};
pub use mask::GpuError;
pub(crate) use mask::{GpuMask, Visible};
pub use mps::is_active as mps_is_active;
