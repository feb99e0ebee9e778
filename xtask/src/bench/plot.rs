//! Plots of what was measured, as SVG for the README and the docs.

use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::spread::Spread;

/// Pixels.
const SIZE: (u32, u32) = (800, 380);
const ROW: u32 = 34;

/// Seen on a white page and on a dark one.
const TEXT: RGBColor = RGBColor(125, 125, 125);
const OWN: RGBColor = RGBColor(46, 125, 180);
const OTHERS: RGBColor = RGBColor(150, 150, 150);
const COLOURS: [RGBColor; 4] =
    [OWN, RGBColor(214, 118, 38), RGBColor(84, 150, 84), RGBColor(140, 100, 170)];

/// What a quantity is called, with its unit, and how far apart its numbers are.
#[derive(Clone, Copy)]
pub(super) struct Axis {
    pub(super) name: &'static str,
    /// How a number is written at the axis.
    pub(super) show: fn(f64) -> String,
}

/// How one quantity depends on another, both over several powers of ten.
pub(super) struct Curves<'a> {
    pub(super) title: &'a str,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) series: &'a [Series],
}

pub(super) struct Series {
    pub(super) name: &'static str,
    pub(super) points: Vec<Point>,
}

#[derive(Clone, Copy)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: Spread,
}

impl Point {
    pub(super) fn of(x: f64, samples: &[f64]) -> Self {
        Self { x, y: Spread::of(samples.iter().copied()) }
    }
}

/// One quantity of several things.
pub(super) struct Bars<'a> {
    pub(super) title: &'a str,
    /// Where and with what it was measured.
    pub(super) caption: &'a [String],
    pub(super) show: fn(f64) -> String,
    pub(super) bars: Vec<Bar>,
}

pub(super) struct Bar {
    pub(super) name: String,
    pub(super) is_own: bool,
    pub(super) spread: Spread,
}

/// Writes a plot with logarithmic axes.
pub(super) fn write_curves(file: &Path, plot: &Curves<'_>) -> Result<()> {
    let points = || plot.series.iter().flat_map(|series| &series.points);
    let x = decades(points().map(|point| point.x))?;
    let y = decades(points().flat_map(|point| [point.y.least, point.y.greatest]))?;
    let area = SVGBackend::new(file, SIZE).into_drawing_area();
    let mut chart = ChartBuilder::on(&area)
        .caption(plot.title, ("sans-serif", 18, &TEXT))
        .margin(12)
        .margin_right(24)
        .x_label_area_size(44)
        .y_label_area_size(76)
        .build_cartesian_2d(x.log_scale(), y.log_scale())
        .map_err(fault)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(TEXT.mix(0.3))
        .axis_style(TEXT)
        .x_desc(plot.x.name)
        .y_desc(plot.y.name)
        .x_label_formatter(&|x| (plot.x.show)(*x))
        .y_label_formatter(&|y| (plot.y.show)(*y))
        .label_style(("sans-serif", 13, &TEXT))
        .draw()
        .map_err(fault)?;
    for (series, colour) in plot.series.iter().zip(COLOURS) {
        let line = series.points.iter().map(|point| (point.x, point.y.median));
        chart
            .draw_series(LineSeries::new(line, colour.stroke_width(2)).point_size(3))
            .map_err(fault)?
            .label(series.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
        let spread = series.points.iter().map(|point| {
            let Point { x, y } = *point;
            PathElement::new([(x, y.least), (x, y.greatest)], colour.mix(0.6))
        });
        chart.draw_series(spread).map_err(fault)?;
    }
    if plot.series.len() > 1 {
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .label_font(("sans-serif", 13, &TEXT))
            .draw()
            .map_err(fault)?;
    }
    area.present().map_err(fault)
}

/// Writes a plot of horizontal bars from 0, with the spread of each as a line in it.
pub(super) fn write_bars(file: &Path, plot: &Bars<'_>) -> Result<()> {
    const NAMES: i32 = 230;
    const NUMBERS: i32 = 90;
    const TOP: u32 = 44;
    let rows = u32::try_from(plot.bars.len())?;
    let lines = u32::try_from(plot.caption.len())?;
    let size = (SIZE.0, TOP + rows * ROW + lines * 18 + 16);
    let area = SVGBackend::new(file, size).into_drawing_area();
    let text = |size: i32, place: HPos| {
        ("sans-serif", size).into_font().color(&TEXT).pos(Pos::new(place, VPos::Center))
    };
    area.draw_text(plot.title, &text(18, HPos::Left), (12, 22)).map_err(fault)?;
    let greatest = plot.bars.iter().map(|bar| bar.spread.greatest).fold(0.0, f64::max);
    let scale = f64::from(size.0.cast_signed() - NAMES - NUMBERS) / greatest;
    let x = |number: f64| NAMES + (number * scale).round() as i32;
    for (row, bar) in (0..).zip(&plot.bars) {
        let Spread { least, median, greatest } = bar.spread;
        let middle = (TOP + row * ROW + ROW / 2).cast_signed();
        let colour = if bar.is_own { OWN } else { OTHERS };
        let (from, to) = ((NAMES, middle - 10), (x(median), middle + 10));
        area.draw(&Rectangle::new([from, to], colour.filled())).map_err(fault)?;
        let spread = [(x(least), middle), (x(greatest), middle)];
        area.draw(&PathElement::new(spread, TEXT.stroke_width(2))).map_err(fault)?;
        area.draw_text(&bar.name, &text(14, HPos::Right), (NAMES - 10, middle)).map_err(fault)?;
        let number = (x(greatest) + 8, middle);
        area.draw_text(&(plot.show)(median), &text(14, HPos::Left), number).map_err(fault)?;
    }
    for (line, caption) in (0..).zip(plot.caption) {
        let y = (TOP + rows * ROW + line * 18 + 14).cast_signed();
        area.draw_text(caption, &text(12, HPos::Left), (12, y)).map_err(fault)?;
    }
    area.present().map_err(fault)
}

/// From one power of ten to another, with all numbers between them.
fn decades(numbers: impl Iterator<Item = f64> + Clone) -> Result<Range<f64>> {
    let least = numbers.clone().reduce(f64::min).context("a plot has no points")?;
    let greatest = numbers.fold(least, f64::max);
    let from = least.log10().floor();
    Ok(10f64.powf(from)..10f64.powf(greatest.log10().ceil().max(from + 1.0)))
}

/// The errors of plotters hold the area, which is no error of its own.
fn fault(err: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("cannot write a plot: {err}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_goes_from_one_power_of_ten_to_another() {
        for (numbers, expected) in [
            (&[3.0, 40.0, 100.0][..], 1.0..100.0),
            (&[10.0, 101.0], 10.0..1000.0),
            (&[7.0], 1.0..10.0),
            (&[1.0], 1.0..10.0),
        ] {
            assert_eq!(decades(numbers.iter().copied()).unwrap(), expected);
        }
        assert!(decades(std::iter::empty()).is_err());
    }

    #[test]
    fn a_plot_has_its_names_and_its_numbers() {
        let sh = xshell::Shell::new().unwrap();
        let folder = sh.create_temp_dir().unwrap();
        let file = folder.path().join("plot.svg");
        let point = |x, y| Point::of(x, &[y]);
        let axis = |name| Axis { name, show: |number| format!("{number}") };
        let series = [Series { name: "a curve", points: vec![point(1.0, 2.0), point(9.0, 30.0)] }];
        let (x, y) = (axis("along"), axis("up"));
        write_curves(&file, &Curves { title: "Curves", x, y, series: &series }).unwrap();
        let svg = sh.read_file(&file).unwrap();
        assert!(["Curves", "along", "up"].iter().all(|text| svg.contains(text)), "{svg}");
        let bar = |name: &str, median| Bar {
            name: name.to_owned(),
            is_own: false,
            spread: Spread::of(std::iter::once(median)),
        };
        let (caption, show) = (["on a machine".to_owned()], |number| format!("{number} µs"));
        let bars = vec![bar("one", 12.0), bar("another", 34.0)];
        write_bars(&file, &Bars { title: "Bars", caption: &caption, show, bars }).unwrap();
        let svg = sh.read_file(&file).unwrap();
        let texts = ["Bars", "one", "another", "12 µs", "34 µs", "on a machine"];
        assert!(texts.iter().all(|text| svg.contains(text)), "{svg}");
    }
}
