//! What every report is made of: figures, sections with a picture and its table. The page and the CSV file are made from it.

use crate::domain::money::Money;
use crate::domain::reports::percent;
use crate::domain::vigilance::numbers::FEWEST;
use crate::web::chart::{Bars, Columns, PARTS, Picture, Spans};

/// A number with what it is compared to.
pub struct Stat {
    pub name: &'static str,
    pub value: String,
    pub note: String,
    pub link: Option<String>,
}

/// A field of a table.
#[derive(Debug, Clone, Default)]
pub struct Cell {
    pub text: String,
    pub link: Option<String>,
}

impl Cell {
    /// With a link to the rows behind it.
    pub fn linked(text: impl ToString, link: impl Into<String>) -> Cell {
        Cell { text: text.to_string(), link: Some(link.into()) }
    }

    /// A number with a link, unless there is nothing behind it.
    pub fn count(number: i64, link: impl Into<String>) -> Cell {
        if number == 0 { Cell::from(number) } else { Cell::linked(number, link) }
    }

    /// Words with a link, where there is something behind them.
    pub fn linked_if(text: impl ToString, holds: bool, link: impl Into<String>) -> Cell {
        if holds { Cell::linked(text, link) } else { Cell::from(text) }
    }
}

impl<T: ToString> From<T> for Cell {
    fn from(of: T) -> Self {
        Cell { text: of.to_string(), link: None }
    }
}

/// The table beside a picture. The first column names the row.
#[derive(Debug, Clone, Default)]
pub struct Table {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    pub fn new<const N: usize>(columns: [&str; N]) -> Table {
        Table { columns: columns.iter().map(|&name| name.to_owned()).collect(), rows: vec![] }
    }
}

/// A picture in two sizes.
pub struct Figure {
    pub caption: &'static str,
    /// Class and name of the parts, where there is more than one.
    pub legend: Vec<(&'static str, &'static str)>,
    pub wide: Picture,
    pub narrow: Picture,
}

impl Figure {
    pub fn columns(caption: &'static str, columns: &Columns) -> Figure {
        let names = columns.parts.iter().map(|(name, _)| *name);
        let legend = if columns.parts.len() > 1 { PARTS.into_iter().zip(names).collect() } else { vec![] };
        Figure { caption, legend, wide: columns.wide(), narrow: columns.narrow() }
    }

    pub fn bars(caption: &'static str, bars: &Bars) -> Figure {
        Figure { caption, legend: vec![], wide: bars.wide(), narrow: bars.narrow() }
    }

    pub fn spans(caption: &'static str, spans: &Spans) -> Figure {
        Figure { caption, legend: vec![], wide: spans.wide(), narrow: spans.narrow() }
    }
}

/// What somebody wrote, from outside.
pub struct Quote {
    pub text: String,
    pub about: String,
    pub link: Option<String>,
}

/// A part of a report.
#[derive(Default)]
pub struct Section {
    pub title: &'static str,
    /// Sentences above the picture.
    pub words: Vec<String>,
    pub figure: Option<Figure>,
    pub table: Table,
    pub quotes: Vec<Quote>,
}

/// One of those that a report can be about.
pub struct Choice {
    pub id: String,
    pub name: String,
    pub chosen: bool,
}

/// A report.
#[derive(Default)]
pub struct View {
    /// What it can be about, where there are several.
    pub choices: Vec<Choice>,
    pub stats: Vec<Stat>,
    pub sections: Vec<Section>,
    /// What to do where there is nothing to show.
    pub empty: Option<&'static str>,
}

/// Amounts in words; nothing where there are none.
pub fn money(amounts: &[Money]) -> String {
    match amounts {
        [] => "0".to_owned(),
        amounts => amounts.iter().map(ToString::to_string).collect::<Vec<_>>().join(" + "),
    }
}

/// "12.5 %", or nothing where there is nothing to share.
pub fn share(part: i64, whole: i64) -> String {
    percent(part, whole).map(|share| format!("{share} %")).unwrap_or_default()
}

/// "12.5 % of 40 messages", or why there is no rate.
pub fn rate(part: i64, whole: i64, nouns: &str) -> String {
    match whole {
        0 => format!("of no {nouns}"),
        few if few < i64::try_from(FEWEST).unwrap_or(i64::MAX) => format!("of {few} {nouns}: too few for a rate"),
        _ => format!("{} of {whole} {nouns}", share(part, whole)),
    }
}

/// "3 more than the 12 in the period before".
pub fn compared(now: i64, before: i64) -> String {
    match now - before {
        _ if before == 0 => "none in the period before".to_owned(),
        0 => format!("as many as in the period before ({before})"),
        more @ 1.. => format!("{more} more than the {before} in the period before"),
        fewer => format!("{} fewer than the {before} in the period before", -fewer),
    }
}
