//! Which GPUs a worker sees: variables of CUDA and HIP, within what the server itself sees.
//!
//! The variables are those of the CUDA C++ Programming Guide, "CUDA Environment Variables", and of AMD's
//! HIP documentation, "GPU isolation techniques". An index that is not there hides itself and all after it,
//! so -1 hides all in both.

use std::env;

use super::installed::Gpu;
use crate::config::Cuda;

/// What says which GPUs a process sees.
const VARIABLES: [&str; 2] = ["CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"];

/// What makes CUDA number them as `nvidia-smi` and NVML do.
const ORDER: (&str, &str) = ("CUDA_DEVICE_ORDER", "PCI_BUS_ID");

const HIDDEN: &str = "-1";

/// What the workers of a pool see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum GpuMask {
    /// What the server sees.
    All,
    /// The same for each: a list of devices, or -1.
    Same(String),
    /// Each worker one of these.
    Each(Vec<String>),
}

/// What the server itself may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Visible {
    /// The devices by the names that a mask gives them; `None` if nobody knows.
    devices: Option<Vec<String>>,
    installed: Vec<Gpu>,
}

/// A pool asks for GPUs that are not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GpuError {
    /// One that is named.
    #[error("there is no GPU {wanted}; {}", there_are(.there))]
    Unknown {
        /// The index or UUID.
        wanted: String,
        /// Those that there are.
        there: Vec<String>,
    },
    /// One for each worker.
    #[error("{workers} workers cannot have a GPU each; {}", there_are(.there))]
    TooFew {
        /// How many workers there are to be.
        workers: usize,
        /// The GPUs that there are.
        there: Vec<String>,
    },
}

fn there_are(devices: &[String]) -> String {
    match devices {
        [] => "there are none".to_owned(),
        [one] => format!("there is one: {one}"),
        all => format!("there are {}: {}", all.len(), all.join(", ")),
    }
}

impl Visible {
    /// What this process sees, of those that are installed.
    pub(crate) fn of_process(installed: Vec<Gpu>) -> Self {
        let mask = VARIABLES.into_iter().find_map(|name| env::var(name).ok());
        Self::of(mask.as_deref(), installed)
    }

    fn of(mask: Option<&str>, installed: Vec<Gpu>) -> Self {
        let devices = match mask {
            Some(mask) => {
                let devices = mask.split(',').map(str::trim);
                let devices = devices.take_while(|device| !matches!(*device, "" | HIDDEN));
                Some(devices.map(str::to_owned).collect())
            }
            None if installed.is_empty() => None,
            None => Some(installed.iter().map(|gpu| gpu.index.to_string()).collect()),
        };
        Self { devices, installed }
    }

    /// How many there are, as far as anybody knows.
    pub(crate) fn count(&self) -> usize {
        self.devices.as_ref().map_or(0, Vec::len)
    }

    /// What the workers of a pool see, and whether that is something that is not there: on a machine
    /// without a GPU it is not refused, so that the same settings work on a laptop.
    ///
    /// # Errors
    /// When there are GPUs, and those that the pool asks for are not among them.
    pub(crate) fn mask(&self, wanted: &Cuda, workers: usize) -> Result<(GpuMask, bool), GpuError> {
        let mask = match (wanted, &self.devices) {
            (Cuda::All, _) => GpuMask::All,
            (Cuda::None, _) => GpuMask::Same(HIDDEN.to_owned()),
            // Nothing is there: what is asked for stands, unless it was hidden from the server.
            (Cuda::These(wanted), None) => return Ok((GpuMask::Same(wanted.join(",")), true)),
            (Cuda::Each, None) => return Ok((GpuMask::All, true)),
            (Cuda::These(_) | Cuda::Each, Some(devices)) if devices.is_empty() => {
                return Ok((GpuMask::Same(HIDDEN.to_owned()), true));
            }
            (Cuda::Each, Some(devices)) if devices.len() < workers => {
                return Err(GpuError::TooFew { workers, there: self.names() });
            }
            (Cuda::Each, Some(devices)) => GpuMask::Each(devices.clone()),
            (Cuda::These(wanted), Some(devices)) => {
                let found = wanted.iter().map(|wanted| self.device(wanted, devices));
                GpuMask::Same(found.collect::<Result<Vec<_>, _>>()?.join(","))
            }
        };
        Ok((mask, false))
    }

    /// A device by its index within what the server sees, or by its UUID.
    fn device(&self, wanted: &str, devices: &[String]) -> Result<String, GpuError> {
        let found = match wanted.parse::<usize>() {
            Ok(index) => devices.get(index).cloned(),
            Err(_) => self.is_there(wanted, devices).then(|| wanted.to_owned()),
        };
        found.ok_or_else(|| GpuError::Unknown { wanted: wanted.to_owned(), there: self.names() })
    }

    /// Whether a UUID, of which the beginning is enough, is that of a device which the server sees. Of
    /// parts of a device (MIG) nothing is known here.
    fn is_there(&self, uuid: &str, devices: &[String]) -> bool {
        let is_same = |one: &str, other: &str| one.starts_with(other) || other.starts_with(one);
        let is_masked = |gpu: &Gpu| {
            let index = gpu.index.to_string();
            devices.iter().any(|device| *device == index || is_same(device, &gpu.uuid))
        };
        uuid.starts_with("MIG-")
            || devices.iter().any(|device| device.starts_with("GPU-") && is_same(device, uuid))
            || self.installed.iter().any(|gpu| gpu.uuid.starts_with(uuid) && is_masked(gpu))
    }

    fn names(&self) -> Vec<String> {
        let devices = self.devices.iter().flatten().enumerate();
        let names = devices.map(|(index, device)| {
            let is_it = |gpu: &&Gpu| gpu.index.to_string() == *device || gpu.uuid == *device;
            match self.installed.iter().find(is_it) {
                Some(gpu) => format!("{index} ({}, {})", gpu.name, gpu.uuid),
                None => format!("{index} ({device})"),
            }
        });
        names.collect()
    }
}

impl GpuMask {
    /// The variables of a worker's environment.
    pub(crate) fn variables(&self, worker: usize) -> Vec<(&'static str, &str)> {
        let devices = match self {
            Self::All => return Vec::new(),
            Self::Same(devices) => devices,
            Self::Each(devices) => devices.get(worker).map_or(HIDDEN, String::as_str),
        };
        let order = env::var_os(ORDER.0).is_none().then_some(ORDER);
        VARIABLES.into_iter().map(|name| (name, devices)).chain(order).collect()
    }

    /// The devices of a worker, for people; `None` where it sees what the server sees.
    pub(crate) fn devices(&self, worker: usize) -> Option<&str> {
        match self {
            Self::All => None,
            _ => self.variables(worker).first().map(|(_, devices)| *devices),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn gpu(index: u32) -> Gpu {
        let uuid = format!("GPU-{index}{index}");
        Gpu { index, uuid, name: "A100".to_owned(), used: 0, total: 0 }
    }

    fn these(wanted: &[&str]) -> Cuda {
        Cuda::These(wanted.iter().map(ToString::to_string).collect())
    }

    /// The devices of the first two workers, and an exclamation mark where they are not there.
    fn seen(mask: Option<&str>, installed: u32, wanted: &Cuda) -> String {
        let visible = Visible::of(mask, (0..installed).map(gpu).collect());
        match visible.mask(wanted, 2) {
            Ok((mask, is_absent)) => {
                let devices = [0, 1].map(|worker| mask.devices(worker).unwrap_or("all"));
                format!("{}{}", devices.join(" "), if is_absent { " !" } else { "" })
            }
            Err(err) => err.to_string(),
        }
    }

    #[rstest]
    #[case::all(Some("2,3"), 4, Cuda::All, "all all")]
    #[case::none(Some("2,3"), 4, Cuda::None, "-1 -1")]
    #[case::none_of_none(None, 0, Cuda::None, "-1 -1")]
    #[case::an_index(None, 2, these(&["1"]), "1 1")]
    #[case::two_indices(None, 2, these(&["1", "0"]), "1,0 1,0")]
    #[case::an_index_within_a_mask(Some("2,3"), 4, these(&["1"]), "3 3")]
    #[case::an_index_within_a_mask_of_uuids(Some("GPU-22,GPU-33"), 4, these(&["1"]), "GPU-33 GPU-33")]
    #[case::a_mask_where_no_driver_is(Some("2,3"), 0, these(&["1"]), "3 3")]
    #[case::a_uuid(None, 2, these(&["GPU-11"]), "GPU-11 GPU-11")]
    #[case::the_beginning_of_a_uuid(None, 2, these(&["GPU-1"]), "GPU-1 GPU-1")]
    #[case::a_uuid_that_is_masked(
        Some("0"),
        2,
        these(&["GPU-11"]),
        "there is no GPU GPU-11; there is one: 0 (A100, GPU-00)"
    )]
    #[case::an_index_that_is_not_there(
        None,
        2,
        these(&["2"]),
        "there is no GPU 2; there are 2: 0 (A100, GPU-00), 1 (A100, GPU-11)"
    )]
    #[case::an_index_beyond_a_mask(
        Some("3"),
        0,
        these(&["1"]),
        "there is no GPU 1; there is one: 0 (3)"
    )]
    #[case::each(None, 2, Cuda::Each, "0 1")]
    #[case::each_of_a_mask(Some("3,2"), 4, Cuda::Each, "3 2")]
    #[case::each_of_too_few(
        None,
        1,
        Cuda::Each,
        "2 workers cannot have a GPU each; there is one: 0 (A100, GPU-00)"
    )]
    #[case::no_machine_with_a_gpu(None, 0, these(&["0"]), "0 0 !")]
    #[case::each_of_none(None, 0, Cuda::Each, "all all !")]
    #[case::all_are_hidden(Some(""), 2, these(&["0"]), "-1 -1 !")]
    #[case::all_are_hidden_by_a_number(Some("-1"), 2, Cuda::Each, "-1 -1 !")]
    fn workers_see_what_their_pool_asks_for_within_what_the_server_sees(
        #[case] mask: Option<&str>,
        #[case] installed: u32,
        #[case] wanted: Cuda,
        #[case] expected: &str,
    ) {
        assert_eq!(seen(mask, installed, &wanted), expected);
    }
}
