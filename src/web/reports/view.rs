//! What every report is made of: figures, sections with a picture and its table. The page and the CSV file are made from it.

use crate::clock::Time;
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

/// A field of a table: in words on the page, in values in the file.
#[derive(Debug, Clone, Default)]
pub struct Cell {
    pub text: String,
    pub link: Option<String>,
    /// What the file says: each value with its unit, such as a currency or "%"; none where there is no value.
    pub values: Vec<(String, String)>,
}

impl Cell {
    /// With a link to the rows behind it.
    pub fn linked(text: impl ToString, link: impl Into<String>) -> Cell {
        Cell::from(text).to(link)
    }

    /// Words for the page, and the values that they stand for, each with its unit.
    pub fn said<U: Into<String>>(text: impl ToString, values: impl IntoIterator<Item = (U, String)>) -> Cell {
        Cell { text: text.to_string(), link: None, values: values.into_iter().map(|(unit, value)| (unit.into(), value)).collect() }
    }

    /// Words in the place of a value that there is none of.
    pub fn none(text: impl ToString) -> Cell {
        Cell { text: text.to_string(), ..Cell::default() }
    }

    /// Amounts, each in its currency.
    pub fn money(amounts: &[Money]) -> Cell {
        Cell::said(money(amounts), amounts.iter().map(|amount| (amount.currency.clone(), amount.plain())))
    }

    /// A percentage with one decimal.
    pub fn percent(share: Option<f64>) -> Cell {
        share.map_or_else(Cell::default, |share| Cell::said(format!("{share} %"), [("%", share.to_string())]))
    }

    /// The same of a part.
    pub fn share(part: i64, whole: i64) -> Cell {
        Cell::percent(percent(part, whole))
    }

    /// The interval in which a true share lies, in percent, said by joining both bounds with a word.
    pub fn between(bounds: Option<(usize, usize)>, joined: &str, few: &str) -> Cell {
        let said = |(low, high)| Cell::said(format!("{low} % {joined} {high} %"), [("from, %", format!("{low}")), ("to, %", format!("{high}"))]);
        bounds.map_or_else(|| Cell::none(few), said)
    }

    /// A moment.
    pub fn time(at: Time) -> Cell {
        Cell::said(at.for_people(), [("", at.to_string())])
    }

    /// "12.5 % of 40 messages" or why there is no rate; in the file the share alone.
    pub fn rate(part: i64, whole: i64, nouns: &str) -> Cell {
        Cell { text: rate(part, whole, nouns), ..Cell::share(part, whole) }
    }

    /// The same with a link to the rows behind it.
    pub fn to(self, link: impl Into<String>) -> Cell {
        Cell { link: Some(link.into()), ..self }
    }

    /// The same with a link where there is something behind it.
    pub fn linked_if(self, holds: bool, link: impl Into<String>) -> Cell {
        if holds { self.to(link) } else { self }
    }

    /// A number with a link, unless there is nothing behind it.
    pub fn count(number: i64, link: impl Into<String>) -> Cell {
        Cell::from(number).linked_if(number != 0, link)
    }
}

impl<T: ToString> From<T> for Cell {
    fn from(of: T) -> Self {
        let text = of.to_string();
        let values = if text.is_empty() { vec![] } else { vec![(String::new(), text.clone())] };
        Cell { text, link: None, values }
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

    /// The lines of the file: the headings, then a line for each row. A column with units is one column for each of them.
    pub fn lines(&self) -> Vec<Vec<String>> {
        let units: Vec<Vec<&str>> = (0..self.columns.len()).map(|column| self.units(column)).collect();
        let heading = |name: &str, unit: &str| if unit.is_empty() { name.to_owned() } else { format!("{name} ({unit})") };
        let heads = self.columns.iter().zip(&units).flat_map(|(name, units)| units.iter().map(move |unit| heading(name, unit))).collect();
        let value = |cell: &Cell, unit: &str| cell.values.iter().find(|(of, _)| of == unit).map(|(_, value)| value.clone()).unwrap_or_default();
        let line = |row: &Vec<Cell>| row.iter().zip(&units).flat_map(|(cell, units)| units.iter().map(move |unit| value(cell, unit))).collect();
        std::iter::once(heads).chain(self.rows.iter().map(line)).collect()
    }

    /// The units of a column, in the order in which they come.
    fn units(&self, column: usize) -> Vec<&str> {
        let mut units: Vec<&str> = vec![];
        for (unit, _) in self.rows.iter().filter_map(|row| row.get(column)).flat_map(|cell| &cell.values) {
            if !units.contains(&unit.as_str()) {
                units.push(unit);
            }
        }
        if units.is_empty() { vec![""] } else { units }
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
