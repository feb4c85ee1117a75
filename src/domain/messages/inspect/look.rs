//! The look of a stretch of text, as far as it can hide it: size, colours, place.

use csscolorparser::Color;

/// Text smaller than this cannot be read, in CSS pixels.
const SMALLEST: f32 = 4.0;
/// Less contrast than this cannot be seen; WCAG 2.2 asks for 4.5 in text.
const LEAST_CONTRAST: f32 = 1.25;
/// Text moved farther than this to the left or up is out of sight, in CSS pixels.
const FARTHEST_OUT: f32 = -200.0;
/// Text moved farther than this to the right is out of sight.
const FARTHEST_IN: f32 = 2000.0;
/// What percentages of a width are taken of, in CSS pixels.
const WIDTH: f32 = 600.0;

/// What text looks like here.
#[derive(Debug, Clone)]
pub(super) struct Look {
    size: f32,
    ink: Color,
    ground: Color,
    line: f32,
    /// Why nothing in here is seen, whatever it looks like.
    gone: Option<&'static str>,
}

impl Default for Look {
    fn default() -> Self {
        Look { size: 16.0, ink: Color::from_rgba8(0, 0, 0, 255), ground: Color::from_rgba8(255, 255, 255, 255), line: 1.2, gone: None }
    }
}

impl Look {
    /// Enters an element with its attributes.
    pub(super) fn enter<'a>(&mut self, name: &str, get: &impl Fn(&str) -> Option<&'a str>) {
        match name {
            "rp" => self.gone = Some("It stands in a part that browsers leave out."),
            "details" => self.gone = self.gone.or(Some("It stands in a fold that is closed when the message is opened.")),
            "summary" if self.gone.is_some_and(|why| why.contains("fold")) => self.gone = None,
            "mark" => {
                self.ground = Color::from_rgba8(255, 255, 0, 255);
                self.ink = Color::from_rgba8(0, 0, 0, 255);
            }
            "a" if get("href").is_some() => self.ink = Color::from_rgba8(0, 0, 238, 255),
            "bdo" if get("dir").is_some_and(|dir| dir.eq_ignore_ascii_case("rtl")) => {
                self.gone = self.gone.or(Some("Its letters are shown in reverse order."));
            }
            "script" | "style" | "template" | "head" => self.gone = Some("Browsers do not show it."),
            _ => {}
        }
        if get("hidden").is_some() {
            self.gone = Some("It is marked as hidden.");
        }
        if let Some(colour) = get("bgcolor") {
            self.paint(colour);
        }
        if let Some(style) = get("style") {
            self.style(style);
        }
    }

    fn style(&mut self, style: &str) {
        let parent = self.clone();
        // The size comes first, because other lengths are measured by it.
        for (name, value) in declarations(style) {
            if name == "font-size" {
                self.size = size(&value, parent.size);
            }
        }
        for (name, value) in declarations(style) {
            match name.as_str() {
                "color" => match value.as_str() {
                    "inherit" | "currentcolor" | "unset" => self.ink = parent.ink.clone(),
                    _ => match value.parse::<Color>() {
                        Ok(ink) => self.ink = ink,
                        Err(_) if is_formula(&value) => self.gone = Some("Its colour is a formula that cannot be checked."),
                        Err(_) => {}
                    },
                },
                "background-color" | "background" => self.paint(&value),
                "line-height" => {
                    self.line = match value.parse::<f32>() {
                        Ok(lines) => lines,
                        Err(_) => length(&value, self.size, self.size).map_or(parent.line, |pixels| pixels / self.size.max(1.0)),
                    }
                }
                "display" if value == "none" => self.gone = Some("It is not displayed."),
                "visibility" if matches!(value.as_str(), "hidden" | "collapse") => self.gone = Some("It is not visible."),
                "opacity" if value.trim_end_matches('%').parse::<f32>().is_ok_and(|share| share < 0.1) => {
                    self.gone = Some("It is transparent.");
                }
                "text-indent" => self.move_by(&value),
                name if name.starts_with("margin") || name.starts_with("padding") => {
                    for each in value.split_whitespace() {
                        self.move_by(each);
                    }
                }
                _ => {}
            }
        }
        if self.size.is_nan() {
            self.gone = Some("Its size is a formula that cannot be checked.");
            self.size = parent.size;
        }
    }

    fn move_by(&mut self, value: &str) {
        let by = length(value, self.size, WIDTH);
        if by.is_some_and(|by| by <= FARTHEST_OUT || by >= FARTHEST_IN) {
            self.gone = Some("It is moved out of sight.");
        }
    }

    fn paint(&mut self, value: &str) {
        let whole = value.trim();
        let found = whole.parse::<Color>().ok().or_else(|| whole.split_whitespace().find_map(|word| word.parse::<Color>().ok()));
        if let Some(colour) = found {
            self.ground = over(&colour, &self.ground);
        }
    }

    /// Why text that looks like this is not seen.
    pub(super) fn unseen(&self) -> Option<String> {
        if let Some(why) = self.gone {
            return Some(why.to_owned());
        }
        if self.size < SMALLEST {
            return Some(format!("Its letters are {} pixels high.", (self.size * 10.0).round() / 10.0));
        }
        if self.line < 0.2 {
            return Some("Its lines lie on top of each other.".to_owned());
        }
        let ink = over(&self.ink, &self.ground);
        (contrast(&ink, &self.ground) < LEAST_CONTRAST)
            .then(|| format!("Its colour {} is nearly that of its ground {}.", hex(&ink), hex(&self.ground)))
    }
}

fn declarations(style: &str) -> impl Iterator<Item = (String, String)> {
    style.split(';').filter_map(|one| {
        let (name, value) = one.split_once(':')?;
        let value = value.split('!').next().unwrap_or_default();
        Some((name.trim().to_ascii_lowercase(), value.trim().to_ascii_lowercase()))
    })
}

fn is_formula(value: &str) -> bool {
    ["calc(", "min(", "max(", "clamp(", "var(", "env("].iter().any(|function| value.contains(function))
}

/// A font size in pixels; not a number where it cannot be known.
fn size(value: &str, parent: f32) -> f32 {
    if is_formula(value) {
        return f32::NAN;
    }
    match value {
        "xx-small" => 9.0,
        "x-small" => 10.0,
        "small" => 13.0,
        "medium" | "initial" => 16.0,
        "large" => 18.0,
        "x-large" => 24.0,
        "xx-large" | "xxx-large" => 32.0,
        "smaller" => parent / 1.2,
        "larger" => parent * 1.2,
        _ => length(value, parent, parent).filter(|pixels| *pixels >= 0.0).unwrap_or(parent),
    }
}

/// A length in pixels; `em` and `whole` are what those units and percentages are taken of.
fn length(value: &str, em: f32, whole: f32) -> Option<f32> {
    let value = value.trim();
    let unit = value.find(|c: char| c.is_ascii_alphabetic() || c == '%').unwrap_or(value.len());
    // "1e3px" is a number too.
    let unit = if value[unit..].starts_with('e') && value[unit + 1..].starts_with(|c: char| c.is_ascii_digit() || c == '-') {
        value[unit + 1..].find(|c: char| c.is_ascii_alphabetic() || c == '%').map_or(value.len(), |more| unit + 1 + more)
    } else {
        unit
    };
    let number: f32 = value[..unit].trim().parse().ok()?;
    let scale = match value[unit..].trim() {
        "px" => 1.0,
        "" if number == 0.0 => 1.0,
        "pt" => 4.0 / 3.0,
        "pc" => 16.0,
        "in" => 96.0,
        "cm" => 37.8,
        "mm" => 3.78,
        "q" => 0.945,
        "em" => em,
        "ex" | "ch" => em / 2.0,
        "rem" | "lh" | "rlh" => 16.0,
        "%" => whole / 100.0,
        "vw" | "vh" | "vmin" | "vmax" => WIDTH / 100.0,
        _ => return None,
    };
    Some(number * scale)
}

/// A colour that lets some of the ground through, as it is seen.
fn over(ink: &Color, ground: &Color) -> Color {
    let mix = |a: f32, b: f32| a * ink.a + b * (1.0 - ink.a);
    Color::new(mix(ink.r, ground.r), mix(ink.g, ground.g), mix(ink.b, ground.b), 1.0)
}

/// WCAG 2.2, "contrast ratio".
fn contrast(a: &Color, b: &Color) -> f32 {
    let light = |colour: &Color| {
        let [r, g, b, _] = colour.to_linear_rgba();
        0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05
    };
    let (a, b) = (light(a), light(b));
    a.max(b) / a.min(b)
}

fn hex(colour: &Color) -> String {
    colour.to_css_hex()
}
