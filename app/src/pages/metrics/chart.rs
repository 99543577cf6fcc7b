//! Charts of series, drawn by the server: a picture for the eye, while the table behind it says the same in figures.
//!
//! The picture is stretched to the width that there is, so it holds no words; its scale and its ends are beside it.

use leptos::prelude::*;

/// Units of the drawing: it is stretched, so only their ratio among themselves counts.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 100.0;

/// A series.
pub(super) struct Series {
    /// What the legend says.
    pub label: &'static str,
    /// The class that it is drawn in: `series-a` to `series-d`.
    pub class: &'static str,
    /// One value a step.
    pub values: Vec<f64>,
}

/// How the series of a chart are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Drawn {
    /// Columns, one series on top of the other: parts of a sum.
    Stacked,
    /// A line with the area below it: a level.
    Level,
}

/// A chart over steps that are called by their first day.
pub(super) struct Chart {
    /// What it shows, for those who cannot see it.
    pub label: String,
    pub days: Vec<String>,
    pub series: Vec<Series>,
    pub drawn: Drawn,
}

impl Chart {
    fn top(&self) -> f64 {
        let sum = |step: usize| match self.drawn {
            Drawn::Stacked => self.series.iter().map(|s| s.values[step]).sum::<f64>(),
            Drawn::Level => self.series.iter().map(|s| s.values[step]).fold(0.0, f64::max),
        };
        round_up((0..self.days.len()).map(sum).fold(0.0, f64::max))
    }

    /// Draws it, with its legend.
    pub(super) fn view(&self) -> AnyView {
        let top = self.top();
        let ends = (self.days.first().cloned(), self.days.last().cloned());
        let legend = self.series.iter().map(|s| {
            view! { <li><span class=format!("swatch {}", s.class) aria-hidden="true"></span> {s.label}</li> }
        });
        let body = match self.drawn {
            Drawn::Stacked => (0..self.days.len()).map(|step| self.column(step, top)).collect_view().into_any(),
            Drawn::Level => self.series.iter().map(|s| level(s, top)).collect_view().into_any(),
        };
        view! {
            <figure class="chart">
                <ul class="chart-legend">{legend.collect_view()}</ul>
                <div class="chart-plot">
                    <span class="chart-scale" aria-hidden="true"><span>{number(top)}</span> <span>"0"</span></span>
                    <svg viewBox=format!("0 0 {WIDTH} {HEIGHT}") preserveAspectRatio="none" role="img" aria-label=self.label.clone()>
                        {body}
                    </svg>
                </div>
                <p class="chart-ends" aria-hidden="true"><span>{ends.0}</span> <span>{ends.1}</span></p>
            </figure>
        }
        .into_any()
    }

    fn column(&self, step: usize, top: f64) -> impl IntoView + use<> {
        let pitch = WIDTH / self.days.len() as f64;
        let (x, width) = (pitch * step as f64 + pitch * 0.1, pitch * 0.8);
        let mut y = HEIGHT;
        let mut parts = Vec::new();
        let mut words = Vec::new();
        for series in &self.series {
            let value = series.values[step];
            let height = HEIGHT * value / top;
            y -= height;
            words.push(format!("{} {}", series.label, number(value)));
            if value > 0.0 {
                let class = series.class;
                parts.push(
                    view! { <rect class=class x=fixed(x) y=fixed(y) width=fixed(width) height=fixed(height)></rect> },
                );
            }
        }
        let title = format!("{}: {}", self.days[step], words.join(", "));
        // What takes the pointer is the whole column, so that a low one can be met, too.
        let reach = view! { <rect class="reach" x=fixed(pitch * step as f64) y="0" width=fixed(pitch) height=fixed(HEIGHT)></rect> };
        view! { <g><title>{title}</title> {parts} {reach}</g> }
    }
}

/// A level: what was so at the end of each step.
fn level(series: &Series, top: f64) -> impl IntoView + use<> {
    let last = (series.values.len().max(2) - 1) as f64;
    let mut values = series.values.clone();
    if let [only] = values.as_slice() {
        values.push(*only);
    }
    let at = |(step, value): (usize, &f64)| {
        format!("{},{}", fixed(WIDTH * step as f64 / last), fixed(HEIGHT - HEIGHT * value / top))
    };
    let points: Vec<String> = values.iter().enumerate().map(at).collect();
    let line = format!("M{}", points.join("L"));
    let area = format!("{line}L{WIDTH},{HEIGHT}L0,{HEIGHT}Z");
    view! {
        <path class=format!("area {}", series.class) d=area></path>
        <path class=format!("line {}", series.class) d=line vector-effect="non-scaling-stroke"></path>
    }
}

/// The top of a scale that holds a value: 1, 2 or 5 with noughts.
fn round_up(value: f64) -> f64 {
    if value <= 1.0 {
        return 1.0;
    }
    let magnitude = 10f64.powf(value.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|step| step * magnitude).find(|top| *top >= value).unwrap_or(value)
}

/// A length in the drawing.
fn fixed(length: f64) -> String {
    format!("{length:.2}")
}

/// A value as a person reads it: whole where it is whole.
pub(super) fn number(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.1}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(drawn: Drawn, values: [Vec<f64>; 2]) -> Chart {
        let [a, b] = values;
        let days = (1..=a.len()).map(|day| format!("2026-11-{day:02}")).collect();
        let series = vec![
            Series { label: "Kept", class: "series-a", values: a },
            Series { label: "Missed", class: "series-b", values: b },
        ];
        Chart { label: "Deadlines".to_owned(), days, series, drawn }
    }

    #[test]
    fn a_scale_holds_its_highest_value() {
        for (value, top) in
            [(0.0, 1.0), (0.4, 1.0), (1.0, 1.0), (1.1, 2.0), (3.0, 5.0), (7.0, 10.0), (10.0, 10.0), (101.0, 200.0)]
        {
            assert_eq!(round_up(value), top, "{value}");
        }
        assert_eq!(chart(Drawn::Stacked, [vec![1.0, 2.0], vec![1.0, 3.0]]).top(), 5.0, "parts add up");
        assert_eq!(chart(Drawn::Level, [vec![1.0, 2.0], vec![1.0, 3.0]]).top(), 5.0);
    }

    #[test]
    fn columns_stand_on_the_ground_and_on_each_other() {
        let html = chart(Drawn::Stacked, [vec![1.0, 0.0], vec![1.0, 2.0]]).view().to_html();
        assert!(html.contains(r#"x="50.00" y="50.00" width="400.00" height="50.00" class="series-a""#), "{html}");
        assert!(html.contains(r#"x="50.00" y="0.00" width="400.00" height="50.00" class="series-b""#), "{html}");
        assert!(html.contains("2026-11-02: Kept 0, Missed 2"), "{html}");
    }

    #[test]
    fn a_level_of_one_day_is_a_line_all_the_same() {
        let html = chart(Drawn::Level, [vec![1.0], vec![0.0]]).view().to_html();
        assert!(html.contains(r#"d="M0.00,0.00L1000.00,0.00""#), "{html}");
    }
}
