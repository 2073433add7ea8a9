//! What more partitions and consumers bring: a measured curve as a table, as a document, as a chart.
//!
//! Holds: the measured rows, and from where on more does not help. What is drawn is in `chart`.
//! Deliberately absent: how it was measured, and real time: the same seed gives the same text, byte for byte.

mod chart;

use std::fmt::Write;

use serde::Serialize;

use crate::text::{line, number};

/// One measured size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Partitions of the topic.
    pub partitions: u32,
    /// Members of the group.
    pub consumers: u32,
    /// Records that the group processed in a second of virtual time, between its first tenth and its last.
    pub throughput: u64,
    /// For how much of that time the busiest broker worked, in thousandths.
    pub busiest_per_mille: u64,
    /// From when the first member joined until each had its partitions, in nanoseconds.
    pub forms_ns: u64,
    /// From when one more joined until each had its partitions again, in nanoseconds.
    pub one_more_ns: u64,
    /// Events of the whole run.
    pub events: u64,
}

/// Rows of one seed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Curve {
    /// What everything was drawn from.
    pub seed: u64,
    /// As many consumers as partitions.
    pub grown: Vec<Row>,
    /// More consumers of a topic that stays as it is.
    pub fixed: Vec<Row>,
}

/// Where more does not help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Enough {
    /// The fewest consumers whose group processes nine tenths of the most that any size does.
    pub consumers: u32,
    /// What they process in a second.
    pub throughput: u64,
    /// The most that any size does.
    pub most: u64,
}

/// `curve` as a document for programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    curve: &'a Curve,
    grown_enough: Option<Enough>,
    fixed_enough: Option<Enough>,
}

/// From which row on more does not help; `None`: that was not seen, as there is no row after it.
pub fn enough(rows: &[Row]) -> Option<Enough> {
    let most = rows.iter().map(|row| row.throughput).max()?;
    let (_last, others) = rows.split_last()?;
    let row = others.iter().find(|row| row.throughput * 10 >= most * 9)?;
    Some(Enough { consumers: row.consumers, throughput: row.throughput, most })
}

impl Curve {
    /// For people.
    pub fn table(&self) -> String {
        let mut text = String::new();
        line(&mut text, "seed", &self.seed.to_string());
        for (title, rows) in [
            ("as many consumers as partitions", &self.grown),
            ("more consumers of the same partitions", &self.fixed),
        ] {
            if rows.is_empty() {
                continue;
            }
            let _ = writeln!(text, "\n{title}");
            text.push_str(HEADING);
            rows.iter().for_each(|row| row.write(&mut text));
            line(
                &mut text,
                "enough",
                &enough(rows).map_or_else(|| "not seen: more still helped".to_owned(), in_words),
            );
        }
        text
    }

    /// For programs.
    pub fn to_json(&self) -> String {
        let document =
            Document { curve: self, grown_enough: enough(&self.grown), fixed_enough: enough(&self.fixed) };
        let mut text = serde_json::to_string_pretty(&document).expect("it is numbers under names");
        text.push('\n');
        text
    }

    /// Both curves as one SVG file that asks for nothing else.
    pub fn svg(&self) -> String {
        chart::svg(self)
    }
}

const HEADING: &str =
    "partitions  consumers  records/s  busiest broker  group forms  one more joins      events\n";

impl Row {
    fn write(&self, into: &mut String) {
        let _ = writeln!(
            into,
            "{:>10}  {:>9}  {:>9}  {:>14}  {:>11}  {:>14}  {:>10}",
            number(self.partitions.into()),
            number(self.consumers.into()),
            number(self.throughput),
            format!("{} %", self.busiest_per_mille.div_ceil(10)),
            seconds(self.forms_ns),
            seconds(self.one_more_ns),
            number(self.events),
        );
    }
}

fn in_words(Enough { consumers, throughput, most }: Enough) -> String {
    let (throughput, most) = (number(throughput), number(most));
    format!("{consumers} do {throughput} of at most {most} records/s; more help by less than a tenth")
}

/// To the millisecond.
fn seconds(nanos: u64) -> String {
    format!("{}.{:03} s", nanos / 1_000_000_000, nanos / 1_000_000 % 1_000)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn row(partitions: u32, consumers: u32, throughput: u64) -> Row {
        let time = u64::from(consumers) * 3_000_000 + 120_000_000;
        Row {
            partitions,
            consumers,
            throughput,
            busiest_per_mille: throughput / 30,
            forms_ns: time,
            one_more_ns: time * 2,
            events: 1_234_567,
        }
    }

    fn curve() -> Curve {
        Curve {
            seed: 1,
            grown: vec![row(1, 1, 998), row(10, 10, 9_700), row(100, 100, 29_000), row(1_000, 1_000, 8_000)],
            fixed: vec![row(10, 1, 998), row(10, 10, 9_700), row(10, 100, 9_600)],
        }
    }

    #[test]
    fn a_curve_is_a_table_that_says_how_many_are_enough() {
        expect![[r#"
            seed        1

            as many consumers as partitions
            partitions  consumers  records/s  busiest broker  group forms  one more joins      events
                     1          1        998             4 %      0.123 s         0.246 s   1 234 567
                    10         10      9 700            33 %      0.150 s         0.300 s   1 234 567
                   100        100     29 000            97 %      0.420 s         0.840 s   1 234 567
                 1 000      1 000      8 000            27 %      3.120 s         6.240 s   1 234 567
            enough      100 do 29 000 of at most 29 000 records/s; more help by less than a tenth

            more consumers of the same partitions
            partitions  consumers  records/s  busiest broker  group forms  one more joins      events
                    10          1        998             4 %      0.123 s         0.246 s   1 234 567
                    10         10      9 700            33 %      0.150 s         0.300 s   1 234 567
                    10        100      9 600            32 %      0.420 s         0.840 s   1 234 567
            enough      10 do 9 700 of at most 9 700 records/s; more help by less than a tenth
        "#]]
        .assert_eq(&curve().table());
    }

    #[test]
    fn where_nothing_grows_one_is_enough_and_while_it_grows_none_is() {
        let flat = [row(10, 1, 100), row(10, 2, 109), row(10, 5, 104)];
        assert_eq!(enough(&flat).map(|enough| enough.consumers), Some(1));
        assert_eq!(enough(&[]), None);
        assert_eq!(enough(&curve().grown[..3]), None, "nobody knows what more than the last size do");
    }

    #[test]
    fn a_chart_is_one_file_in_which_every_row_is_a_point() {
        let svg = curve().svg();
        assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""), "{}", &svg[..80]);
        assert_eq!(svg.matches("://").count(), 1, "the chart names an address beside the SVG namespace's");
        assert!(!svg.contains("<script") && !svg.contains("NaN") && !svg.contains("inf"));
        // Four rows with three values, and three with one.
        assert_eq!(svg.matches("class=\"point").count(), 4 * 3 + 3);
        for words in [
            "records a second",
            "seconds until everybody has partitions",
            "consumers",
            "1 000",
            "prefers-color-scheme",
        ] {
            assert!(svg.contains(words), "the chart has no {words}");
        }
        assert_eq!(svg, curve().svg());
    }

    #[test]
    fn a_curve_of_one_point_or_none_is_a_chart_too() {
        let one = Curve { seed: 1, grown: vec![row(1, 1, 0)], fixed: Vec::new() };
        assert_eq!(one.svg().matches("class=\"point").count(), 3);
        let none = Curve { seed: 1, grown: Vec::new(), fixed: Vec::new() };
        assert!(!none.svg().contains("NaN"));
    }

    #[test]
    fn a_document_has_what_programs_rely_on() {
        let value: serde_json::Value = serde_json::from_str(&curve().to_json()).unwrap();
        assert_eq!(value["grown"][3]["consumers"], 1_000);
        assert_eq!(value["grown_enough"]["consumers"], 100);
        assert_eq!(value["fixed_enough"]["consumers"], 10);
        for key in ["partitions", "throughput", "busiest_per_mille", "forms_ns", "one_more_ns", "events"] {
            assert!(value["fixed"][0][key].is_u64(), "there is no {key}");
        }
    }
}
