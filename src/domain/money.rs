//! Amounts of money in minor units.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An amount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// Minor units: cents for USD, whole yen for JPY.
    pub minor: i64,
    /// ISO 4217, upper case.
    pub currency: String,
}

/// Digits after the point (ISO 4217, list one).
fn digits(currency: &str) -> u32 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        _ => 2,
    }
}

/// Whether this has the form of a code of ISO 4217.
pub fn is_currency(code: &str) -> bool {
    code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase())
}

impl Money {
    /// Thousandths of the main unit; none where the amount is too large to say.
    pub fn milli(&self) -> Option<i64> {
        let unit = 10_i64.pow(digits(&self.currency));
        self.minor.checked_mul(1000).map(|milli| milli / unit)
    }
}

impl Money {
    /// Reads an amount in the main unit, such as 79 or 79.50; none where it is no amount of this currency.
    pub fn parse(text: &str, currency: &str) -> Option<Money> {
        let (whole, rest) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
        let width = digits(currency) as usize;
        let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || rest.len() > width || !is_number(whole) || !is_number(rest) {
            return None;
        }
        let minor = format!("{whole}{rest:0<width$}").parse().ok()?;
        Some(Money { minor, currency: currency.to_owned() })
    }

    /// The amount in the main unit, as `parse` reads it.
    pub fn plain(&self) -> String {
        let (unit, width) = (10_u64.pow(digits(&self.currency)), digits(&self.currency) as usize);
        let (sign, minor) = (if self.minor < 0 { "-" } else { "" }, self.minor.unsigned_abs());
        if width == 0 { self.minor.to_string() } else { format!("{sign}{}.{:0width$}", minor / unit, minor % unit) }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = 10_u64.pow(digits(&self.currency));
        let amount = self.minor.unsigned_abs();
        if self.minor < 0 {
            f.write_str("-")?;
        }
        match self.currency.as_str() {
            "USD" => f.write_str("$")?,
            "EUR" => f.write_str("€")?,
            "GBP" => f.write_str("£")?,
            "JPY" => f.write_str("¥")?,
            other => write!(f, "{other} ")?,
        }
        f.write_str(&grouped(amount / unit))?;
        let rest = amount % unit;
        if rest > 0 {
            write!(f, ".{rest:0width$}", width = digits(&self.currency) as usize)?;
        }
        Ok(())
    }
}

/// A number with commas between thousands.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(c);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_as_people_write_them() {
        let show = |minor, currency: &str| Money { minor, currency: currency.into() }.to_string();
        assert_eq!(show(4900, "USD"), "$49");
        assert_eq!(show(4950, "USD"), "$49.50");
        assert_eq!(show(120_000, "EUR"), "€1,200");
        assert_eq!(show(5000, "JPY"), "¥5,000");
        assert_eq!(show(1500, "KWD"), "KWD 1.500");
        assert_eq!(show(-5, "GBP"), "-£0.05");
    }

    #[test]
    fn amounts_are_read_as_people_type_them() {
        let minor = |text: &str, currency: &str| Money::parse(text, currency).map(|money| money.minor);
        assert_eq!((minor("79", "USD"), minor("79.5", "USD"), minor(" 0.05 ", "USD")), (Some(7900), Some(7950), Some(5)));
        assert_eq!((minor("5000", "JPY"), minor("1.250", "KWD")), (Some(5000), Some(1250)));
        for wrong in ["", "-1", "1,000", "1.234", "1e3", "79 USD", "99999999999999999999"] {
            assert_eq!(minor(wrong, "USD"), None, "{wrong}");
        }
        let money = Money { minor: 7950, currency: "USD".into() };
        assert_eq!(Money::parse(&money.plain(), "USD"), Some(money));
    }
}
