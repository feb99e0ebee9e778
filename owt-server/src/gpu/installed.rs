//! The GPUs of NVIDIA that the driver of this machine knows, by its library NVML, which is loaded when it
//! is first asked. Where it is not there, neither are they.

use std::ffi::OsStr;
use std::sync::LazyLock;

use nvml_wrapper::Nvml;
use nvml_wrapper::error::NvmlError;
use serde::Serialize;

/// The name that the driver installs; the one without a number is for developers.
const LIBRARY: &str = "libnvidia-ml.so.1";

static NVML: LazyLock<Option<Nvml>> = LazyLock::new(|| {
    let nvml = Nvml::builder().lib_path(OsStr::new(LIBRARY)).init();
    nvml.inspect_err(|err| tracing::debug!("NVML is not used: {err}")).ok()
});

/// One GPU, in the order of the PCI bus, as `nvidia-smi` lists them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Gpu {
    pub(crate) index: u32,
    pub(crate) uuid: String,
    pub(crate) name: String,
    /// The memory that anybody uses, in bytes.
    pub(crate) used: u64,
    /// All of its memory, in bytes.
    pub(crate) total: u64,
}

/// All of them. It asks the driver, which may take a second the first time.
pub(crate) fn installed() -> Vec<Gpu> {
    let Some(nvml) = &*NVML else { return Vec::new() };
    let count = nvml.device_count().unwrap_or_default();
    (0..count).filter_map(|index| gpu(nvml, index).ok()).collect()
}

/// All of them, for people: number, name, memory in use and in all.
#[must_use]
pub fn gpus() -> Vec<String> {
    let described = installed().into_iter().map(|gpu| {
        let Gpu { index, uuid, name, used, total } = gpu;
        format!("{index} {name} ({uuid}), {} of {} MiB in use", used >> 20, total >> 20)
    });
    described.collect()
}

fn gpu(nvml: &Nvml, index: u32) -> Result<Gpu, NvmlError> {
    let device = nvml.device_by_index(index)?;
    let memory = device.memory_info()?;
    let (uuid, name) = (device.uuid()?, device.name()?);
    Ok(Gpu { index, uuid, name, used: memory.used, total: memory.total })
}
