//! What may pass over the wire (RFC 5321 §2.3.8, §4.5.2, §4.5.3.1.6) and dot-stuffing.
//!
//! A relay that takes a lone LF or CR for a line end reads a second message out of the body
//! of the first (SMTP smuggling, CVE-2023-51764 and its siblings). Nothing with a lone CR or
//! LF passes here, whatever made the bytes.

/// Longest line in octets without its CRLF (RFC 5322 §2.1.1).
pub const LINE_MAX: usize = 998;

/// Why bytes may not go over the wire. Lines count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// A CR without LF.
    #[error("Line {0} of the message holds a carriage return without a line feed.")]
    BareCr(usize),
    /// An LF without CR.
    #[error("Line {0} of the message holds a line feed without a carriage return.")]
    BareLf(usize),
    /// A NUL octet.
    #[error("Line {0} of the message holds a NUL octet.")]
    Nul(usize),
    /// A line longer than [`LINE_MAX`].
    #[error("Line {0} of the message is longer than 998 octets.")]
    LongLine(usize),
    /// Octets above 127 where the relay was told there are none.
    #[error("Line {0} of the message holds an octet above 127, and the message was announced without any.")]
    EightBit(usize),
    /// Nothing at all.
    #[error("The message is empty.")]
    Empty,
}

/// Checks bytes as they are, before stuffing. `eight_bit` permits octets above 127.
pub fn check(bytes: &[u8], eight_bit: bool) -> Result<(), WireError> {
    if bytes.is_empty() {
        return Err(WireError::Empty);
    }
    let mut line = 1;
    let mut length = 0;
    let mut after_cr = false;
    for &byte in bytes {
        if after_cr && byte != b'\n' {
            return Err(WireError::BareCr(line));
        }
        match byte {
            b'\n' if !after_cr => return Err(WireError::BareLf(line)),
            b'\n' => {
                line += 1;
                length = 0;
            }
            b'\r' => {}
            0 => return Err(WireError::Nul(line)),
            128.. if !eight_bit => return Err(WireError::EightBit(line)),
            _ => {
                length += 1;
                if length > LINE_MAX {
                    return Err(WireError::LongLine(line));
                }
            }
        }
        after_cr = byte == b'\r';
    }
    match after_cr {
        true => Err(WireError::BareCr(line)),
        false => Ok(()),
    }
}

/// Checks, doubles leading dots and ends with CRLF. The final dot is not part of it.
pub fn stuff(bytes: &[u8], eight_bit: bool) -> Result<Vec<u8>, WireError> {
    check(bytes, eight_bit)?;
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 64 + 2);
    for line in bytes.split_inclusive(|&b| b == b'\n') {
        if line.first() == Some(&b'.') {
            out.push(b'.');
        }
        out.extend_from_slice(line);
    }
    if !out.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
    Ok(out)
}
