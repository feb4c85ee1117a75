//! Characters that cannot be seen, and words whose letters come from several scripts.

use unicode_security::confusable_detection::skeleton;
use unicode_segmentation::UnicodeSegmentation;

/// A stretch with characters that nobody sees, those written out, and why it is told.
pub(super) struct Invisible {
    /// The words around them.
    pub(super) words: String,
    /// Why.
    pub(super) why: String,
}

/// Finds characters that nobody sees. Those that some script needs are left alone where it is written.
pub(super) fn invisible(text: &str) -> Vec<Invisible> {
    if text.is_ascii() {
        return vec![];
    }
    let right_to_left = text.chars().any(is_right_to_left);
    text.split_whitespace().filter_map(|word| of_word(word, right_to_left)).collect()
}

fn of_word(word: &str, right_to_left: bool) -> Option<Invisible> {
    if word.is_ascii() {
        return None;
    }
    let chars: Vec<char> = word.chars().collect();
    let mut shown = String::new();
    let mut secret = String::new();
    let (mut found, mut bidi) = (false, false);
    for (at, &c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| chars[before]);
        let hidden = match c {
            '\u{E0000}'..='\u{E007F}' => {
                let of_flag = is_flag(&chars, at);
                if !of_flag && let Some(letter) = char::from_u32(u32::from(c) - 0xE0000).filter(|letter| !letter.is_control()) {
                    secret.push(letter);
                }
                !of_flag
            }
            '\u{AD}' => !(letters_before(&chars, at) >= 2 && letters_after(&chars, at) >= 2),
            '\u{200C}' => !before.is_some_and(joins),
            '\u{200D}' => !before.is_some_and(|before| joins(before) || is_pictogram(before)),
            '\u{200E}' | '\u{200F}' | '\u{61C}' | '\u{202A}' | '\u{202B}' | '\u{202C}' | '\u{2066}'..='\u{2069}' => {
                bidi |= !right_to_left;
                !right_to_left
            }
            '\u{202D}' | '\u{202E}' => {
                bidi = true;
                true
            }
            '\u{FE00}'..='\u{FE0F}' => !before.is_some_and(|before| !is_variation(before) && !before.is_ascii_alphabetic()),
            '\u{E0100}'..='\u{E01EF}' => !before.is_some_and(is_han),
            '\u{180B}'..='\u{180E}' => !before.is_some_and(|before| ('\u{1800}'..='\u{18AF}').contains(&before)),
            '\u{34F}'
            | '\u{115F}'
            | '\u{1160}'
            | '\u{17B4}'
            | '\u{17B5}'
            | '\u{200B}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{2060}'..='\u{2065}'
            | '\u{206A}'..='\u{206F}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{FEFF}'
            | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFFB}'
            | '\u{1BCA0}'..='\u{1BCA3}'
            | '\u{1D173}'..='\u{1D17A}' => true,
            c => c.is_control(),
        };
        if hidden {
            found = true;
            shown.push_str(&format!("\u{27E8}U+{:04X}\u{27E9}", u32::from(c)));
        } else {
            shown.push(c);
        }
    }
    let why = match (secret.is_empty(), bidi) {
        (false, _) => format!("It carries text that no screen shows: \u{201C}{secret}\u{201D}."),
        (true, true) => "It carries characters that turn the direction of reading around, so that what is shown is not what is there.".to_owned(),
        (true, false) => "It carries characters that no screen shows.".to_owned(),
    };
    found.then_some(Invisible { words: shown, why })
}

fn is_tag(c: char) -> bool {
    ('\u{E0020}'..='\u{E007F}').contains(&c)
}

/// Whether the tag character at this place belongs to a flag: the black flag, up to six letters, the end.
fn is_flag(chars: &[char], at: usize) -> bool {
    let from = at.saturating_sub(7);
    let Some(flag) = (from..at).rev().find(|&place| chars[place] == '\u{1F3F4}') else { return false };
    let tags = chars[flag + 1..].iter().take(8).take_while(|c| is_tag(**c)).collect::<Vec<_>>();
    let end = tags.iter().position(|c| **c == '\u{E007F}');
    end.is_some_and(|end| (3..=6).contains(&end) && at <= flag + 1 + end)
}

fn letters_before(chars: &[char], at: usize) -> usize {
    chars[..at].iter().rev().take(2).take_while(|c| c.is_alphabetic()).count()
}

fn letters_after(chars: &[char], at: usize) -> usize {
    chars[at + 1..].iter().take(2).take_while(|c| c.is_alphabetic()).count()
}

fn is_variation(c: char) -> bool {
    matches!(c, '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}')
}

fn is_han(c: char) -> bool {
    matches!(c, '\u{2E80}'..='\u{2FDF}' | '\u{3005}' | '\u{3007}' | '\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}

/// Letters of scripts in which joiners change what is written: Arabic, Indic, Mongolian and their kin.
fn joins(c: char) -> bool {
    matches!(c, '\u{600}'..='\u{109F}' | '\u{1780}'..='\u{18AF}' | '\u{1900}'..='\u{1CFF}' | '\u{A800}'..='\u{ABFF}' | '\u{FB50}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFC}' | '\u{10A00}'..='\u{11FFF}' | '\u{1E900}'..='\u{1E95F}')
}

fn is_pictogram(c: char) -> bool {
    matches!(c, '\u{FE0F}' | '\u{20E3}' | '\u{2190}'..='\u{2BFF}' | '\u{3030}' | '\u{303D}' | '\u{1F000}'..='\u{1FAFF}')
}

fn is_right_to_left(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{8FF}' | '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFC}' | '\u{10800}'..='\u{10FFF}' | '\u{1E800}'..='\u{1EFFF}')
        && c.is_alphabetic()
}

/// The scripts whose letters pass for those of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Script {
    Latin,
    Greek,
    Cyrillic,
    Other,
}

fn script(c: char) -> Option<Script> {
    match c {
        'a'..='z' | 'A'..='Z' | '\u{C0}'..='\u{24F}' | '\u{1E00}'..='\u{1EFF}' if c.is_alphabetic() => Some(Script::Latin),
        '\u{370}'..='\u{3FF}' | '\u{1F00}'..='\u{1FFF}' if c.is_alphabetic() => Some(Script::Greek),
        '\u{400}'..='\u{52F}' | '\u{1C80}'..='\u{1C8F}' | '\u{A640}'..='\u{A69F}' if c.is_alphabetic() => Some(Script::Cyrillic),
        // Armenian, Cherokee, Coptic, Georgian, Lisu.
        '\u{530}'..='\u{58F}'
        | '\u{10A0}'..='\u{10FF}'
        | '\u{13A0}'..='\u{13FF}'
        | '\u{2C80}'..='\u{2CFF}'
        | '\u{A4D0}'..='\u{A4FF}'
        | '\u{AB70}'..='\u{ABBF}'
            if c.is_alphabetic() =>
        {
            Some(Script::Other)
        }
        _ => None,
    }
}

/// Words in which letters of one script pass for those of another.
pub(super) fn mixed(text: &str) -> Vec<&str> {
    if text.is_ascii() {
        return vec![];
    }
    text.unicode_words().flat_map(|word| word.split(|c: char| !c.is_alphabetic())).filter(|word| !word.is_ascii() && is_mixed(word)).collect()
}

fn is_mixed(word: &str) -> bool {
    let scripts: Vec<(char, Script)> = word.chars().filter_map(|c| script(c).map(|script| (c, script))).collect();
    let Some(&(_, first)) = scripts.first() else { return false };
    if scripts.iter().all(|(_, script)| *script == first) {
        return false;
    }
    // "SMSка": a Latin abbreviation with a Cyrillic or Greek ending.
    let stem = scripts.iter().take_while(|(c, script)| *script == Script::Latin && c.is_uppercase()).count();
    if stem >= 2 && scripts[stem..].iter().all(|(c, script)| *script != Script::Latin && c.is_lowercase()) {
        return false;
    }
    let latin = |pair: &&(char, Script)| pair.1 == Script::Latin;
    let foreign_pass = scripts.iter().filter(|pair| !latin(pair)).all(|(c, _)| looks_latin(*c));
    // "ΔT" is a symbol; a word has more letters of its own alphabet.
    let has_own = scripts.iter().filter(|pair| !latin(pair)).count() >= 2;
    let latin_pass = has_own && scripts.iter().filter(latin).all(|(c, _)| "aceiopsxyjABCEHIKMOPSTXYZ".contains(*c));
    let latin_there = scripts.iter().any(|pair| latin(&pair));
    // Without Latin letters, as in Greek with Cyrillic, nothing ordinary is written so.
    !latin_there || foreign_pass || latin_pass
}

fn looks_latin(c: char) -> bool {
    let mut buffer = [0; 4];
    skeleton(c.encode_utf8(&mut buffer)).all(|c| c.is_ascii_alphabetic())
}
