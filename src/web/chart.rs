//! Pictures of numbers. plotters lays them out; what it draws is kept as shapes, which `_chart.html` writes as SVG. So words in
//! a picture are escaped like all others, and colours are classes of the style sheet: dark, light and print in one drawing.

use std::convert::Infallible;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters_backend::{BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingErrorKind};

/// A shape of a picture; positions in units of its view box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    /// A bar or a patch.
    Rect { class: &'static str, x: i32, y: i32, width: i32, height: i32 },
    /// A line.
    Line { class: &'static str, x1: i32, y1: i32, x2: i32, y2: i32 },
    /// Words; `anchor` is start, middle or end.
    Text { class: &'static str, x: i32, y: i32, anchor: &'static str, words: String },
}

/// A picture.
#[derive(Debug, Clone, Default)]
pub(super) struct Picture {
    pub width: u32,
    pub height: u32,
    pub shapes: Vec<Shape>,
}

/// What is drawn: columns beside each other, each of one or more parts on top of each other.
#[derive(Debug, Clone, Default)]
pub(super) struct Columns {
    /// What each column is called.
    pub labels: Vec<String>,
    /// The parts from the bottom up: name and a value for each column, not below 0.
    pub parts: Vec<(&'static str, Vec<f64>)>,
    /// What is written over each column.
    pub sums: Vec<String>,
    /// A line across: at which value, and what it is called.
    pub limit: Option<(f64, &'static str)>,
}

/// What is drawn: bars below each other, each with its name and its value in words.
#[derive(Debug, Clone, Default)]
pub(super) struct Bars {
    /// Name, value not below 0, and how the value is said.
    pub rows: Vec<(String, f64, String)>,
}

/// What is drawn: rows below each other, each with a span between two shares of a hundred and a mark between them.
#[derive(Debug, Clone, Default)]
pub(super) struct Spans {
    /// Name; low, middle and high of a hundred, where there is enough to say; and what is said beside it.
    pub rows: Vec<(String, Option<Span>, String)>,
}

/// Low, middle and high of a hundred.
pub(super) type Span = (f64, f64, f64);

/// The classes of the parts. Each but the first has a pattern, so that colour is not needed to tell them apart.
pub(super) const PARTS: [&str; 3] = ["part-1", "part-2", "part-3"];

const GRID: RGBColor = RGBColor(1, 0, 0);
const AXIS: RGBColor = RGBColor(2, 0, 0);
const LIMIT: RGBColor = RGBColor(3, 0, 0);
const LABEL: RGBColor = RGBColor(4, 0, 0);
const SUM: RGBColor = RGBColor(5, 0, 0);

/// Colours stand for classes until they are drawn.
fn part(position: usize) -> RGBColor {
    RGBColor(0, u8::try_from(position.min(PARTS.len() - 1)).unwrap_or(0), 1)
}

fn class(color: BackendColor) -> &'static str {
    match color.rgb {
        (1, ..) => "grid",
        (2, ..) => "axis",
        (3, ..) => "limit",
        (5, ..) => "sum",
        (0, position, 1) => PARTS.get(usize::from(position)).copied().unwrap_or("part-1"),
        _ => "label",
    }
}

/// Keeps what is drawn.
struct Canvas<'p>(&'p mut Picture);

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

impl DrawingBackend for Canvas<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        (self.0.width, self.0.height)
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, _: BackendCoord, _: BackendColor) -> Drawn {
        Ok(())
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        if style.color().alpha > 0.0 {
            self.0.shapes.push(Shape::Line { class: class(style.color()), x1: from.0, y1: from.1, x2: to.0, y2: to.1 });
        }
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Drawn {
        let points: Vec<BackendCoord> = path.into_iter().collect();
        points.windows(2).try_for_each(|pair| self.draw_line(pair[0], pair[1], style))
    }

    fn draw_rect<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S, _: bool) -> Drawn {
        let (x, y) = (from.0.min(to.0), from.1.min(to.1));
        let (width, height) = ((to.0 - from.0).abs(), (to.1 - from.1).abs());
        self.0.shapes.push(Shape::Rect { class: class(style.color()), x, y, width, height });
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(&mut self, words: &str, style: &S, at: BackendCoord) -> Drawn {
        let anchor = match style.anchor().h_pos {
            HPos::Left => "start",
            HPos::Center => "middle",
            HPos::Right => "end",
        };
        // Letters stand on their baseline; a capital is about seven tenths of the size high.
        let high = (style.size() * 0.7).round() as i32;
        let y = match style.anchor().v_pos {
            VPos::Top => at.1 + high,
            VPos::Center => at.1 + high / 2,
            VPos::Bottom => at.1,
        };
        self.0.shapes.push(Shape::Text { class: class(style.color()), x: at.0, y, anchor, words: words.to_owned() });
        Ok(())
    }
}

type Area<'p> = DrawingArea<Canvas<'p>, Shift>;
type Failed = DrawingAreaErrorKind<Infallible>;

/// A picture of this size; empty where it cannot be laid out.
fn draw(width: u32, height: u32, how: impl FnOnce(&Area<'_>) -> Result<(), Failed>) -> Picture {
    let mut picture = Picture { width, height, shapes: vec![] };
    let area = Canvas(&mut picture).into_drawing_area();
    let drawn = how(&area);
    drop(area);
    if let Err(error) = drawn {
        tracing::error!(%error, "a picture cannot be drawn");
        picture.shapes.clear();
    }
    picture
}

fn words(size: i32, color: RGBColor, h: HPos, v: VPos) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&color).pos(Pos::new(h, v))
}

/// A number on an axis: without a fraction where it has none.
fn tick(value: f64) -> String {
    if (value - value.round()).abs() < 1e-9 { format!("{value:.0}") } else { format!("{value:.2}").trim_end_matches('0').to_owned() }
}

impl Columns {
    /// Wide, for a desk.
    pub fn wide(&self) -> Picture {
        self.draw(720, 240)
    }

    /// Narrow, for a phone.
    pub fn narrow(&self) -> Picture {
        self.draw(340, 220)
    }

    fn draw(&self, width: u32, height: u32) -> Picture {
        draw(width, height, |area| self.on(area, width))
    }

    fn on(&self, area: &Area<'_>, width: u32) -> Result<(), Failed> {
        let count = self.labels.len().max(1);
        let total = |column: usize| -> f64 { self.parts.iter().filter_map(|(_, values)| values.get(column)).sum() };
        let highest = (0..count).map(total).fold(self.limit.map_or(0.0, |(at, _)| at), f64::max);
        // Room for the numbers over the columns; whole numbers where there are only few.
        let top = if highest > 0.0 { highest * 1.15 } else { 1.0 };
        let mut chart =
            ChartBuilder::on(area).margin(4).x_label_area_size(22).y_label_area_size(38).build_cartesian_2d(0.0..count as f64, 0.0..top)?;
        let ticks = if (1.0..4.0).contains(&highest) && self.limit.is_none() { highest as usize + 1 } else { 5 };
        chart
            .configure_mesh()
            .disable_x_mesh()
            .disable_x_axis()
            .y_labels(ticks)
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(AXIS)
            .y_label_formatter(&|value| tick(*value))
            .label_style(("sans-serif", 12).into_font().color(&LABEL))
            .draw()?;
        for column in 0..count {
            let (left, right, mut foot) = (column as f64 + 0.14, column as f64 + 0.86, 0.0);
            for (position, (_, values)) in self.parts.iter().enumerate() {
                let value = values.get(column).copied().unwrap_or(0.0);
                if value > 0.0 {
                    chart.draw_series([Rectangle::new([(left, foot), (right, foot + value)], part(position).filled())])?;
                    foot += value;
                }
            }
        }
        if let Some((at, name)) = self.limit {
            chart.draw_series([PathElement::new(vec![(0.0, at), (count as f64, at)], LIMIT)])?;
            chart.draw_series([Text::new(name, (count as f64, at), words(12, LIMIT, HPos::Right, VPos::Bottom))])?;
        }
        // As many names and numbers as there is room for.
        let room = (f64::from(width) - 50.0) / count as f64;
        let longest = self.labels.iter().map(String::len).max().unwrap_or(1) as f64;
        let every = ((longest * 7.0 + 6.0) / room).ceil().max(1.0) as usize;
        let widest = self.sums.iter().map(String::len).max().unwrap_or(1) as f64;
        let sums = widest * 7.0 <= room;
        for (column, label) in self.labels.iter().enumerate() {
            let middle = column as f64 + 0.5;
            if column % every == 0 {
                let (x, y) = chart.backend_coord(&(middle, 0.0));
                area.draw(&Text::new(label.clone(), (x, y + 7), words(12, LABEL, HPos::Center, VPos::Top)))?;
            }
            let sum = self.sums.get(column).filter(|_| sums && total(column) > 0.0);
            if let Some(sum) = sum {
                let (x, y) = chart.backend_coord(&(middle, total(column)));
                area.draw(&Text::new(sum.clone(), (x, y - 4), words(12, SUM, HPos::Center, VPos::Bottom)))?;
            }
        }
        Ok(())
    }
}

impl Bars {
    /// Wide, for a desk.
    pub fn wide(&self) -> Picture {
        self.draw(720, 190, 26)
    }

    /// Narrow, for a phone: the names stand above the bars.
    pub fn narrow(&self) -> Picture {
        self.draw(340, 0, 44)
    }

    /// `names` is the room for the names beside the bars, none where they stand above; `each` the height of a row.
    fn draw(&self, width: u32, names: i32, each: i32) -> Picture {
        let rows = i32::try_from(self.rows.len().max(1)).unwrap_or(1);
        let height = u32::try_from(rows * each + 8).unwrap_or(1);
        draw(width, height, |area| self.on(area, names, each))
    }

    fn on(&self, area: &Area<'_>, names: i32, each: i32) -> Result<(), Failed> {
        let highest = self.rows.iter().map(|row| row.1).fold(0.0, f64::max);
        let longest = i32::try_from(self.rows.iter().map(|row| row.2.chars().count()).max().unwrap_or(0)).unwrap_or(0);
        let room = f64::from(i32::try_from(area.dim_in_pixel().0).unwrap_or(0) - names - longest * 7 - 16).max(10.0);
        for (position, (name, value, said)) in self.rows.iter().enumerate() {
            let top = i32::try_from(position).unwrap_or(0) * each + 4;
            let bar = if names > 0 { top } else { top + 18 };
            let style = if names > 0 { words(13, LABEL, HPos::Right, VPos::Center) } else { words(13, LABEL, HPos::Left, VPos::Top) };
            let at = if names > 0 { (names - 10, bar + 9) } else { (0, top + 2) };
            area.draw(&Text::new(name.clone(), at, style))?;
            let share = if highest > 0.0 { value / highest } else { 0.0 };
            let end = names + ((room * share).round() as i32).max(i32::from(*value > 0.0));
            area.draw(&Rectangle::new([(names, bar), (end, bar + 18)], part(0).filled()))?;
            area.draw(&Text::new(said.clone(), (end + 6, bar + 9), words(13, SUM, HPos::Left, VPos::Center)))?;
        }
        Ok(())
    }
}

impl Spans {
    /// Wide, for a desk.
    pub fn wide(&self) -> Picture {
        self.draw(720, 150, 34)
    }

    /// Narrow, for a phone: the names stand above the spans.
    pub fn narrow(&self) -> Picture {
        self.draw(340, 0, 58)
    }

    /// `names` is the room for the names beside the spans, none where they stand above; `each` the height of a row.
    fn draw(&self, width: u32, names: i32, each: i32) -> Picture {
        let rows = i32::try_from(self.rows.len().max(1)).unwrap_or(1);
        let height = u32::try_from(rows * each + 28).unwrap_or(1);
        draw(width, height, |area| self.on(area, names, each))
    }

    fn on(&self, area: &Area<'_>, names: i32, each: i32) -> Result<(), Failed> {
        let size = area.dim_in_pixel();
        let (width, height) = (i32::try_from(size.0).unwrap_or(0), i32::try_from(size.1).unwrap_or(0));
        let highest = self.rows.iter().filter_map(|row| row.1.map(|span| span.2)).fold(1.0, f64::max);
        let step = [1.0, 2.0, 5.0, 10.0, 20.0, 25.0].into_iter().find(|step| highest / step <= 5.0).unwrap_or(25.0);
        let top = (highest / step).ceil() * step;
        let (left, right, foot) = (names + 16, width - 20, height - 22);
        let x = |value: f64| left + (f64::from(right - left) * value / top).round() as i32;
        for tick_at in 0..=(top / step).round() as i32 {
            let value = f64::from(tick_at) * step;
            area.draw(&PathElement::new(vec![(x(value), 4), (x(value), foot)], GRID))?;
            area.draw(&Text::new(format!("{} %", tick(value)), (x(value), foot + 6), words(12, LABEL, HPos::Center, VPos::Top)))?;
        }
        for (position, (name, span, said)) in self.rows.iter().enumerate() {
            let row = i32::try_from(position).unwrap_or(0) * each + 4;
            let middle = if names > 0 { row + each / 2 } else { row + each - 14 };
            let (style, at) = match names > 0 {
                true => (words(13, LABEL, HPos::Right, VPos::Center), (names, middle - 1)),
                false => (words(13, LABEL, HPos::Left, VPos::Top), (0, row + 2)),
            };
            area.draw(&Text::new(name.clone(), at, style))?;
            if let Some((low, value, high)) = span {
                area.draw(&Rectangle::new([(x(*low), middle - 3), (x(*high), middle + 3)], part(1).filled()))?;
                area.draw(&Rectangle::new([(x(*value) - 3, middle - 8), (x(*value) + 3, middle + 8)], part(0).filled()))?;
            }
            let style = if names > 0 { words(12, SUM, HPos::Left, VPos::Bottom) } else { words(12, SUM, HPos::Right, VPos::Top) };
            let at = if names > 0 { (left + 4, middle - 9) } else { (right, row + 2) };
            area.draw(&Text::new(said.clone(), at, style))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rects(picture: &Picture, wanted: &str) -> Vec<(i32, i32)> {
        let of = |shape: &Shape| match shape {
            Shape::Rect { class, y, height, .. } if *class == wanted => Some((*y, *height)),
            _ => None,
        };
        picture.shapes.iter().filter_map(of).collect()
    }

    fn texts(picture: &Picture) -> Vec<&str> {
        picture.shapes.iter().filter_map(|shape| if let Shape::Text { words, .. } = shape { Some(words.as_str()) } else { None }).collect()
    }

    #[test]
    fn columns_are_as_high_as_their_numbers_and_their_parts_stand_on_each_other() {
        let columns = Columns {
            labels: vec!["a".into(), "b".into()],
            parts: vec![("lost", vec![10.0, 5.0]), ("back", vec![0.0, 5.0])],
            sums: vec!["10".into(), "10".into()],
            limit: Some((2.0, "limit")),
        };
        for picture in [columns.wide(), columns.narrow()] {
            let (lost, back) = (rects(&picture, "part-1"), rects(&picture, "part-2"));
            assert_eq!((lost.len(), back.len()), (2, 1), "what is nothing is not drawn");
            assert!((lost[0].1 - 2 * lost[1].1).abs() <= 1, "{lost:?}");
            assert!((back[0].0 + back[0].1 - lost[1].0).abs() <= 1 && (back[0].0 - lost[0].0).abs() <= 1, "{lost:?} {back:?}");
            let found = texts(&picture);
            assert!(["a", "b", "limit"].iter().all(|text| found.contains(text)), "{found:?}");
            assert!(picture.shapes.iter().any(|shape| matches!(shape, Shape::Line { class: "limit", .. })));
            let inside = |shape: &Shape| match shape {
                Shape::Rect { x, y, width, height, .. } => {
                    *x >= 0 && *y >= 0 && x + width <= picture.width as i32 && y + height <= picture.height as i32
                }
                Shape::Line { x1, x2, y1, y2, .. } => [*x1, *x2].iter().all(|x| *x <= picture.width as i32) && [*y1, *y2].iter().all(|y| *y >= 0),
                Shape::Text { x, y, .. } => *x >= 0 && *y >= 8 && *y <= picture.height as i32,
            };
            assert!(picture.shapes.iter().all(inside), "{picture:?}");
        }
    }

    #[test]
    fn spans_reach_from_their_low_to_their_high_and_what_is_unknown_is_not_drawn() {
        let spans = Spans { rows: vec![("a".into(), Some((10.0, 15.0, 20.0)), "15 %".into()), ("b".into(), None, "too few".into())] };
        for picture in [spans.wide(), spans.narrow()] {
            let span = |wanted: &str| -> Vec<(i32, i32)> {
                let of = |shape: &Shape| match shape {
                    Shape::Rect { class, x, width, .. } if *class == wanted => Some((*x, *width)),
                    _ => None,
                };
                picture.shapes.iter().filter_map(of).collect()
            };
            let (bars, marks) = (span("part-2"), span("part-1"));
            assert_eq!((bars.len(), marks.len()), (1, 1));
            assert!((marks[0].0 + 3 - (bars[0].0 + bars[0].1 / 2)).abs() <= 1, "the mark of 15 is between 10 and 20: {bars:?} {marks:?}");
            assert!(bars[0].0 + bars[0].1 <= picture.width as i32 && texts(&picture).contains(&"too few"));
        }
    }

    #[test]
    fn bars_say_their_numbers_and_nothing_is_drawn_of_nothing() {
        let bars =
            Bars { rows: vec![("Too expensive".into(), 30.0, "30".into()), ("Other".into(), 15.0, "15".into()), ("None".into(), 0.0, "0".into())] };
        let widths = |picture: &Picture| -> Vec<i32> {
            picture.shapes.iter().filter_map(|shape| if let Shape::Rect { width, .. } = shape { Some(*width) } else { None }).collect()
        };
        for picture in [bars.wide(), bars.narrow()] {
            let found = widths(&picture);
            assert!((found[0] - 2 * found[1]).abs() <= 2 && found[2] == 0, "{found:?}");
            assert_eq!(texts(&picture), ["Too expensive", "30", "Other", "15", "None", "0"]);
        }
        assert!(!Columns::default().wide().shapes.is_empty(), "an empty picture has its axis");
    }
}
