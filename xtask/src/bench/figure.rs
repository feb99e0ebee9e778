//! A figure: what was measured, how often, and what it is to be.

use std::time::Duration;

/// A figure and the samples of it.
pub(super) struct Figure {
    pub(super) name: &'static str,
    pub(super) unit: Unit,
    pub(super) samples: Vec<f64>,
    pub(super) goal: Goal,
}

#[derive(Clone, Copy)]
pub(super) enum Unit {
    Microseconds,
    Milliseconds,
    Mebibytes,
    /// How many times as much as what it was measured beside.
    Times,
}

/// What the median is to be.
#[derive(Clone, Copy)]
pub(super) enum Goal {
    AtMost(f64),
    AtLeast(f64),
    /// Good to know.
    None,
}

impl Figure {
    pub(super) fn millis(name: &'static str, samples: &[Duration], goal: Goal) -> Self {
        let samples = samples.iter().map(|time| time.as_secs_f64() * 1000.0).collect();
        Self { name, unit: Unit::Milliseconds, samples, goal }
    }

    pub(super) fn micros(name: &'static str, samples: &[f64], goal: Goal) -> Self {
        Self { name, unit: Unit::Microseconds, samples: samples.to_vec(), goal }
    }

    /// Each sample divided by that of the same round of what it is measured beside.
    pub(super) fn times(name: &'static str, samples: &[f64], beside: &[f64], goal: Goal) -> Self {
        let samples = samples.iter().zip(beside).map(|(own, other)| own / other).collect();
        Self { name, unit: Unit::Times, samples, goal }
    }
}

impl Unit {
    pub(super) fn show(self, number: f64) -> String {
        match self {
            Self::Microseconds => format!("{number:.0} µs"),
            Self::Milliseconds => format!("{number:.1} ms"),
            Self::Mebibytes => format!("{number:.1} MiB"),
            Self::Times => format!("{number:.2} ×"),
        }
    }
}

impl Goal {
    /// Whether a median holds it, if there is a goal.
    pub(super) fn is_held_by(self, median: f64) -> Option<bool> {
        match self {
            Self::AtMost(most) => Some(median <= most),
            Self::AtLeast(least) => Some(median >= least),
            Self::None => None,
        }
    }

    pub(super) fn show(self, unit: Unit) -> String {
        match self {
            Self::AtMost(most) => format!("≤ {}", unit.show(most)),
            Self::AtLeast(least) => format!("≥ {}", unit.show(least)),
            Self::None => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_held_on_its_own_side() {
        assert_eq!(Goal::AtMost(2.0).is_held_by(2.0), Some(true));
        assert_eq!(Goal::AtMost(2.0).is_held_by(2.1), Some(false));
        assert_eq!(Goal::AtLeast(2.0).is_held_by(1.9), Some(false));
        assert_eq!(Goal::None.is_held_by(1.9), None);
    }
}
