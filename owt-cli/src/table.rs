//! What commands print in columns, and sizes and times as people read them.

use std::time::Duration;

/// A number of bytes in its largest unit.
pub(crate) fn bytes(bytes: f64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    let unit = units.into_iter().find(|(shift, _)| bytes >= f64::from(1 << shift));
    match unit {
        Some((shift, unit)) => format!("{:.1} {unit}", bytes / f64::from(1 << shift)),
        None => format!("{bytes} B"),
    }
}

/// A time in its two largest units.
pub(crate) fn seconds(seconds: f64) -> String {
    let seconds = Duration::try_from_secs_f64(seconds).unwrap_or_default().as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, minutes) => format!("{minutes}m{:02}s", seconds % 60),
        (0, hours, minutes) => format!("{hours}h{minutes:02}m"),
        (days, hours, _) => format!("{days}d{hours:02}h"),
    }
}

/// Columns as wide as what is in them.
pub(crate) fn render<const N: usize>(names: [&str; N], rows: &[[String; N]]) -> String {
    let names = names.map(str::to_owned);
    let all: Vec<&[String; N]> = [&names].into_iter().chain(rows).collect();
    let width = |column: usize| all.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..N).map(|column| width(column).unwrap_or_default()).collect();
    let line = |row: &&[String; N]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    all.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(0.0, "0 B")]
    #[case(1023.0, "1023 B")]
    #[case(1536.0, "1.5 KiB")]
    #[case(17_825_792.0, "17.0 MiB")]
    #[case(3_221_225_472.0, "3.0 GiB")]
    fn a_size_has_its_largest_unit(#[case] size: f64, #[case] expected: &str) {
        assert_eq!(bytes(size), expected);
    }

    #[rstest]
    #[case(0.9, "0s")]
    #[case(61.0, "1m01s")]
    #[case(7200.0, "2h00m")]
    #[case(90_000.0, "1d01h")]
    #[case(-1.0, "0s")]
    fn a_time_has_its_two_largest_units(#[case] time: f64, #[case] expected: &str) {
        assert_eq!(seconds(time), expected);
    }
}
