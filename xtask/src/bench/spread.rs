//! How far apart the samples of one figure are.

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) least: f64,
    pub(super) median: f64,
    pub(super) greatest: f64,
}

impl Spread {
    /// Of at least one number.
    pub(super) fn of(numbers: impl Iterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = numbers.collect();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len() - 1;
        Self {
            least: sorted[0],
            median: (sorted[last / 2] + sorted[last.div_ceil(2)]) / 2.0,
            greatest: sorted[last],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn median_of_an_odd_number_is_the_middle_one() {
        let expected = Spread { least: 1.0, median: 2.0, greatest: 9.0 };
        assert_eq!(Spread::of([9.0, 1.0, 2.0].into_iter()), expected);
    }

    #[test]
    fn median_of_an_even_number_is_between_the_middle_two() {
        let expected = Spread { least: 1.0, median: 2.5, greatest: 9.0 };
        assert_eq!(Spread::of([9.0, 1.0, 2.0, 3.0].into_iter()), expected);
    }
}
