//! How far a call has come, as a bar on a terminal.

use std::io::{self, IsTerminal as _};
use std::sync::LazyLock;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use owt_client::Progress;

/// Into how many steps the bar is divided: what is done may be a fraction.
const STEPS: f64 = 10_000.0;

static BAR: LazyLock<ProgressStyle> =
    LazyLock::new(|| style("{bar:30} {percent:>3}% {eta:>4}  {wide_msg}"));

/// Where it is not known how much there is to do.
static SPINNER: LazyLock<ProgressStyle> = LazyLock::new(|| style("{spinner} {wide_msg}"));

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("it is a template of indicatif")
}

/// A bar that is there from the first progress on, until it is erased. Clones are the same bar.
#[derive(Clone)]
pub(in crate::cmd) struct Bar(ProgressBar);

impl Bar {
    /// A bar on standard error, if that is a terminal.
    pub(in crate::cmd) fn on_terminal() -> Option<Bar> {
        let target = ProgressDrawTarget::stderr();
        io::stderr().is_terminal().then(|| Bar(ProgressBar::with_draw_target(None, target)))
    }

    pub(in crate::cmd) fn show(&self, progress: &Progress) {
        let bar = &self.0;
        if bar.position() == 0 {
            // The time until now says nothing of the rest.
            bar.reset_eta();
        }
        match progress.total.filter(|total| *total > 0.0) {
            Some(total) => {
                bar.set_style(BAR.clone());
                if bar.length().is_none() {
                    bar.set_length(steps(1.0));
                }
                bar.set_position(steps(progress.done / total));
            }
            None => {
                bar.set_style(SPINNER.clone());
                bar.tick();
            }
        }
        bar.set_message(words(progress));
    }

    /// Erases the bar for good.
    pub(in crate::cmd) fn erase(&self) {
        self.0.finish_and_clear();
        self.0.set_draw_target(ProgressDrawTarget::hidden());
    }
}

fn steps(part: f64) -> u64 {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let steps = (part.clamp(0.0, 1.0) * STEPS) as u64;
    steps
}

/// What is said beside the bar. An adaptor's text cannot move the cursor.
fn words(progress: &Progress) -> String {
    let counted = match progress.total {
        Some(total) => format!("{}/{total}", progress.done),
        None => progress.done.to_string(),
    };
    let text = progress.text.as_deref().unwrap_or_default();
    let text = text.replace(char::is_control, " ");
    format!("{counted} {text}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(3.0, Some(10.0), Some("loading"), "3/10 loading")]
    #[case(0.5, Some(1.0), None, "0.5/1")]
    #[case(7.0, None, Some("a\x1b[2Jb\nc"), "7 a [2Jb c")]
    fn words_are_of_one_line_and_plain(
        #[case] done: f64,
        #[case] total: Option<f64>,
        #[case] text: Option<&str>,
        #[case] expected: &str,
    ) {
        assert_eq!(words(&Progress::new(done, total, text).unwrap()), expected);
    }

    #[rstest]
    #[case(-1.0, 0)]
    #[case(0.25, 2500)]
    #[case(2.0, 10_000)]
    fn more_than_all_is_all(#[case] part: f64, #[case] expected: u64) {
        assert_eq!(steps(part), expected);
    }
}
