//! Words and phrases that mean the same thing.

/// Longer phrases are sentences, and sentences do not recur.
const MAX_PHRASE: usize = 60;
/// A line per group; more groups than this is a dictionary pasted by mistake.
const MAX_GROUPS: usize = 1000;

/// Groups of words and phrases that mean the same thing.
#[derive(Debug, Default, Clone)]
pub struct Synonyms {
    groups: Vec<Vec<String>>,
}

impl Synonyms {
    /// Reads one group a line, its phrases separated by commas; `#` starts a comment. An error names the line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut groups: Vec<Vec<String>> = vec![];
        for (number, line) in text.lines().enumerate().map(|(at, line)| (at + 1, line)) {
            let line = line.split('#').next().unwrap_or_default().trim().trim_start_matches('\u{feff}');
            if line.is_empty() {
                continue;
            }
            let mut group: Vec<String> = vec![];
            for phrase in line.split(',').map(|phrase| phrase.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()) {
                if phrase.is_empty() || group.contains(&phrase) {
                    continue;
                }
                if phrase.chars().count() > MAX_PHRASE {
                    return Err(format!("Line {number}: a phrase is longer than {MAX_PHRASE} characters. Separate phrases by commas."));
                }
                if !super::language::says_something(&phrase) {
                    return Err(format!("Line {number}: \"{phrase}\" is too common to tell anything."));
                }
                group.push(phrase);
            }
            if group.len() < 2 {
                return Err(format!("Line {number}: a group needs two phrases at least, separated by commas."));
            }
            groups.push(group);
            if groups.len() > MAX_GROUPS {
                return Err(format!("Line {number}: more than {MAX_GROUPS} groups."));
            }
        }
        Ok(Self { groups })
    }

    /// The default list, useful for most products sold as a service.
    pub fn standard() -> &'static str {
        include_str!("synonyms.txt")
    }

    /// The groups, each with its phrases in lower case.
    pub fn groups(&self) -> &[Vec<String>] {
        &self.groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_list_reads() {
        let groups = Synonyms::parse(Synonyms::standard()).unwrap();
        assert!(groups.groups().len() >= 40, "{}", groups.groups().len());
    }

    #[test]
    fn comments_blank_lines_and_spaces_are_left_out() {
        let read = Synonyms::parse("# ours\n\n CSV  export , spreadsheet download,, csv export # two\r\n").unwrap();
        assert_eq!(read.groups(), [["csv export", "spreadsheet download"]]);
        assert!(Synonyms::parse("").unwrap().groups().is_empty());
    }

    #[test]
    fn an_error_names_the_line() {
        assert!(Synonyms::parse("a1 b1, c1 d1\n\nlonely").unwrap_err().starts_with("Line 3:"));
        assert!(Synonyms::parse("zapier, the").unwrap_err().contains("\"the\""));
        assert!(Synonyms::parse(&format!("zapier, {}", "x y ".repeat(40))).unwrap_err().starts_with("Line 1:"));
    }
}
