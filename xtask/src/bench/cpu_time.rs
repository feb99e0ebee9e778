//! The processor time that a server's processes have used.

use std::iter::Sum;
use std::ops::{Add, Sub};

use anyhow::Result;
use procfs::process::Process;

use super::contestant::Contestant;

/// What the front and all of its workers have used.
#[derive(Clone, Copy, Default)]
pub(super) struct CpuTime {
    pub(super) front: Times,
    /// Nothing for a server that has no worker processes.
    pub(super) workers: Times,
}

/// In seconds.
#[derive(Clone, Copy, Default)]
pub(super) struct Times {
    pub(super) user: f64,
    pub(super) system: f64,
}

impl CpuTime {
    pub(super) fn of(server: &Contestant) -> Result<Self> {
        let workers = server.workers()?.iter().map(Times::of).sum::<Result<_>>()?;
        Ok(Self { front: Times::of(&server.front()?)?, workers })
    }

    pub(super) fn total(self) -> f64 {
        self.user() + self.system()
    }

    pub(super) fn user(self) -> f64 {
        self.front.user + self.workers.user
    }

    pub(super) fn system(self) -> f64 {
        self.front.system + self.workers.system
    }
}

impl Times {
    fn of(process: &Process) -> Result<Self> {
        let stat = process.stat()?;
        let seconds = |ticks: u64| ticks as f64 / procfs::ticks_per_second() as f64;
        Ok(Self { user: seconds(stat.utime), system: seconds(stat.stime) })
    }

    pub(super) fn total(self) -> f64 {
        self.user + self.system
    }
}

impl Sum for Times {
    fn sum<I: Iterator<Item = Self>>(times: I) -> Self {
        times.fold(Self::default(), Add::add)
    }
}

impl Add for Times {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { user: self.user + other.user, system: self.system + other.system }
    }
}

impl Sub for Times {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self { user: self.user - other.user, system: self.system - other.system }
    }
}

impl Sub for CpuTime {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self { front: self.front - other.front, workers: self.workers - other.workers }
    }
}
