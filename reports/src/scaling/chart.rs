//! The chart of a curve: throughput, and beside it how long a rebalance takes, both over the consumers.
//!
//! All axes are logarithmic: sizes are far apart, and a straight line says that twice as many do twice as much.
//! Colours follow the reader's light or dark scheme; a line can be told by its mark too.

use maud::{Markup, PreEscaped, html};

use super::{Curve, Row, enough};
use crate::text::number;

const STYLE: &str = "\
:root { color-scheme: light dark }
text { font: 13px system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Liberation Sans', sans-serif; fill: #1d1f23 }
.paper { fill: #fcfbf8 }
.title { font-size: 15px; font-weight: 600 }
.soft { fill: #5d626b }
.grid { stroke: #e2dfd7 }
.frame { stroke: #cfccc3; fill: none }
.line { fill: none; stroke-width: 2; stroke-linejoin: round }
.a { stroke: #2f74d0 } .mark.a { fill: #2f74d0 }
.b { stroke: #d9771b } .mark.b { fill: #fcfbf8 }
.c { stroke: #1f936a } .mark.c { fill: #1f936a }
.mark { stroke-width: 2 }
.b.line { stroke-dasharray: 6 4 }
@media (prefers-color-scheme: dark) {
  text { fill: #e8e7e3 }
  .paper { fill: #131519 }
  .soft { fill: #a4a9b3 }
  .grid { stroke: #2d3138 }
  .frame { stroke: #474c55 }
  .a { stroke: #5b9bf0 } .mark.a { fill: #5b9bf0 }
  .b { stroke: #f09a47 } .mark.b { fill: #131519 }
  .c { stroke: #42bd8f } .mark.c { fill: #42bd8f }
}";

/// The whole drawing.
const SIZE: (f64, f64) = (1_000.0, 464.0);

/// A panel's frame, from its upper left corner.
const FRAME: (f64, f64) = (390.0, 280.0);

/// Where panels begin.
const PANELS: [(f64, f64); 2] = [(80.0, 96.0), (580.0, 96.0)];

/// One line of a panel.
struct Series {
    /// `a`, `b` or `c`: its colour and mark.
    class: &'static str,
    name: String,
    /// Consumers and a value; values are at least 1.
    points: Vec<(u64, u64)>,
}

struct Panel {
    corner: (f64, f64),
    title: &'static str,
    series: Vec<Series>,
    /// A value as its axis says it.
    label: fn(u64) -> String,
    x: Axis,
    y: Axis,
}

/// A logarithmic axis between two values that differ.
#[derive(Clone, Copy)]
struct Axis {
    from: u64,
    to: u64,
}

/// The places at which an axis may begin, end, or have a word: 1, 2, 5, 10, 20 …
fn steps() -> impl DoubleEndedIterator<Item = u64> {
    (0..19).flat_map(|power| [1, 2, 5].map(|digit| digit * 10_u64.pow(power)))
}

/// With more words than these an axis has its powers of ten only.
const WORDS: usize = 7;

impl Axis {
    /// With all values on it.
    fn around(values: impl Iterator<Item = u64> + Clone) -> Self {
        let least = values.clone().min().unwrap_or(1).max(1);
        let most = values.max().unwrap_or(1).max(least + 1);
        let from = steps().rfind(|step| *step <= least).unwrap_or(1);
        Self { from, to: steps().find(|step| *step >= most).unwrap_or(most) }
    }

    /// How far along the axis a value is, from 0 to 1.
    fn place(self, value: u64) -> f64 {
        let log = |value: u64| (value.max(1) as f64).log10();
        (log(value) - log(self.from)) / (log(self.to) - log(self.from))
    }

    /// Where it has a word.
    fn ticks(self) -> Vec<u64> {
        let mut ticks: Vec<u64> = steps().filter(|step| (self.from..=self.to).contains(step)).collect();
        if ticks.len() > WORDS {
            ticks.retain(|tick| 10_u64.pow(tick.ilog10()) == *tick);
        }
        ticks
    }
}

pub(super) fn svg(curve: &Curve) -> String {
    let (width, height) = SIZE;
    let all = curve.grown.iter().chain(&curve.fixed).map(|row| u64::from(row.consumers));
    let x = Axis::around(all);
    let title = "More partitions and consumers: more throughput, up to a point";
    let drawing = html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {width} {height}")) width=(width) height=(height)
            role="img" aria-labelledby="title about" {
            title #title { (title) }
            desc #about { (about(curve)) }
            style { (PreEscaped(STYLE)) }
            rect.paper width=(width) height=(height) {}
            text.title x="24" y="34" { (title) }
            text.soft x="24" y="54" { "squall scale, seed " (curve.seed) ", virtual time; all axes are logarithmic" }
            (throughput(curve, x).draw())
            (rebalances(curve, x).draw())
        }
    };
    let mut text = drawing.into_string();
    text.push('\n');
    text
}

/// The chart for those who do not see it.
fn about(curve: &Curve) -> String {
    let words = |row: &Row| {
        format!(
            "{} consumers of {} partitions: {} records a second",
            row.consumers, row.partitions, row.throughput
        )
    };
    let mut said: Vec<String> = curve.grown.iter().chain(&curve.fixed).map(words).collect();
    if let Some(enough) = enough(&curve.grown) {
        said.push(format!(
            "beyond {} consumers and partitions more help by less than a tenth",
            enough.consumers
        ));
    }
    said.join("; ")
}

fn series(class: &'static str, name: &str, rows: &[Row], value: fn(&Row) -> u64) -> Series {
    let points = rows.iter().map(|row| (u64::from(row.consumers), value(row).max(1))).collect();
    Series { class, name: name.to_owned(), points }
}

fn throughput(curve: &Curve, x: Axis) -> Panel {
    let mut lines = vec![series("a", "as many partitions", &curve.grown, |row| row.throughput)];
    if let Some(first) = curve.fixed.first() {
        let name = format!("{} partitions", number(first.partitions.into()));
        lines.push(series("b", &name, &curve.fixed, |row| row.throughput));
    }
    Panel::new(PANELS[0], "records a second", lines, number, x)
}

fn rebalances(curve: &Curve, x: Axis) -> Panel {
    let lines = vec![
        series("a", "the group forms", &curve.grown, |row| row.forms_ns / 1_000_000),
        series("c", "one more joins", &curve.grown, |row| row.one_more_ns / 1_000_000),
    ];
    Panel::new(PANELS[1], "seconds until everybody has partitions", lines, seconds, x)
}

/// Milliseconds as the fewest digits of seconds.
fn seconds(millis: u64) -> String {
    let text = format!("{}.{:03}", millis / 1_000, millis % 1_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl Panel {
    fn new(
        corner: (f64, f64),
        title: &'static str,
        series: Vec<Series>,
        label: fn(u64) -> String,
        x: Axis,
    ) -> Self {
        let y = Axis::around(series.iter().flat_map(|line| line.points.iter().map(|(_, value)| *value)));
        Self { corner, title, series, label, x, y }
    }

    fn at(&self, (consumers, value): (u64, u64)) -> (f64, f64) {
        (
            self.corner.0 + self.x.place(consumers) * FRAME.0,
            self.corner.1 + (1.0 - self.y.place(value)) * FRAME.1,
        )
    }

    fn draw(&self) -> Markup {
        let (left, top) = self.corner;
        let bottom = top + FRAME.1;
        html! {
            text.soft x=(left) y=(top - 12.0) { (self.title) }
            (self.grid())
            rect.frame x=(left) y=(top) width=(FRAME.0) height=(FRAME.1) {}
            text.soft x=(left + FRAME.0 / 2.0) y=(bottom + 44.0) text-anchor="middle" { "consumers" }
            @for (place, line) in self.series.iter().enumerate() {
                (self.key(place, line))
                (self.line(line))
            }
        }
    }

    fn grid(&self) -> Markup {
        let (left, top) = self.corner;
        let (right, bottom) = (left + FRAME.0, top + FRAME.1);
        html! {
            @for tick in self.y.ticks() {
                @let y = short(self.at((self.x.from, tick)).1);
                line.grid x1=(left) x2=(right) y1=(y) y2=(y) {}
                text.soft x=(left - 8.0) y=(y) dy="0.32em" text-anchor="end" { ((self.label)(tick)) }
            }
            @for tick in self.x.ticks() {
                @let x = short(self.at((tick, self.y.from)).0);
                line.grid x1=(x) x2=(x) y1=(top) y2=(bottom) {}
                text.soft x=(x) y=(bottom + 20.0) text-anchor="middle" { (number(tick)) }
            }
        }
    }

    /// What a line is, below the axis.
    fn key(&self, place: usize, line: &Series) -> Markup {
        let (x, y) = (self.corner.0 + 200.0 * place as f64, self.corner.1 + FRAME.1 + 66.0);
        html! {
            path.line.(line.class) d=(format!("M{x} {y}h28")) {}
            g.mark.(line.class) { (shape(line.class, (x + 14.0, y))) }
            text x=(x + 36.0) y=(y) dy="0.32em" { (line.name) }
        }
    }

    fn line(&self, line: &Series) -> Markup {
        let places: Vec<(f64, f64)> = line.points.iter().map(|point| self.at(*point)).collect();
        let corners: Vec<String> =
            places.iter().map(|(x, y)| format!("{} {}", short(*x), short(*y))).collect();
        html! {
            @if corners.len() > 1 { path.line.(line.class) d=(format!("M{}", corners.join("L"))) {} }
            @for ((consumers, value), place) in line.points.iter().zip(places) {
                g.point.mark.(line.class) {
                    title { (number(*consumers)) " consumers: " ((self.label)(*value)) }
                    (shape(line.class, place))
                }
            }
        }
    }
}

/// A point's shape: a line is told by it where colours are not.
fn shape(class: &str, (x, y): (f64, f64)) -> Markup {
    let (x, y) = (short(x), short(y));
    html! {
        @if class == "c" {
            path d=(format!("M{x} {y}m-5 4h10l-5 -9z")) {}
        } @else {
            circle cx=(x) cy=(y) r="4.5" {}
        }
    }
}

/// A tenth of a pixel is enough, and the same on every machine.
fn short(place: f64) -> String {
    format!("{place:.1}")
}
