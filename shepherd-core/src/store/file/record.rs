//! What is written in a record file: one line of JSON that is sealed by a checksum at its end.
//!
//! Whatever the version, a record begins with its format and version and ends with the seal, so that truncated,
//! foreign, altered and newer files can be told apart for ever.

use serde::{Deserialize, Serialize};

use crate::model::{Epoch, Target};
use crate::ports::{Saved, Sequence};

const FORMAT: &str = "shepherd-rollout";
const VERSION: u32 = 1;
const HEAD: &str = r#"{"format":"shepherd-rollout","version":"#;
const SEAL: &str = r#","checksum":""#;
const END: &str = "\"}\n";
const DIGITS: usize = 16;

/// The record of one target in one epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) epoch: Epoch,
    pub(super) kept: Option<Kept>,
}

/// A snapshot, and the epoch that saved it: sequences are compared within an epoch only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) epoch: Epoch,
    #[serde(flatten)]
    pub(super) saved: Saved,
}

#[derive(Serialize, Deserialize)]
struct Document {
    format: String,
    version: u32,
    target: String,
    epoch: Epoch,
    saved: Option<Kept>,
}

#[derive(Deserialize)]
struct Header {
    version: u32,
}

impl Record {
    /// Which save the record holds, in the order in which saves are made.
    pub(super) fn newest(&self) -> Option<(Epoch, Sequence)> {
        self.kept.as_ref().map(|kept| (kept.epoch, kept.saved.sequence))
    }

    /// The snapshot for the caller.
    pub(super) fn into_saved(self) -> Option<Saved> {
        self.kept.map(|kept| kept.saved)
    }

    pub(super) fn encode(&self, target: &Target) -> Result<String, serde_json::Error> {
        let mut text = serde_json::to_string(&Document {
            format: FORMAT.to_owned(),
            version: VERSION,
            target: target.to_string(),
            epoch: self.epoch,
            saved: self.kept.clone(),
        })?;
        text.truncate(text.len() - "}".len());
        let seal = format!("{SEAL}{:0DIGITS$x}{END}", checksum(&text));
        Ok(text + &seal)
    }

    /// Reads what [`encode`](Self::encode) wrote for this target and epoch, or says what is wrong with it.
    pub(super) fn decode(bytes: &[u8], target: &Target, epoch: Epoch) -> Result<Self, String> {
        let document = migrate(unseal(bytes)?)?;
        if document.target != target.to_string() {
            return Err(format!("it is the record of {}, not of {target}", document.target));
        }
        if document.epoch != epoch {
            return Err(format!("it is the record of epoch {}, not of epoch {epoch}", document.epoch));
        }
        Ok(Self { epoch, kept: document.saved })
    }
}

/// The text of a whole, unaltered record of any version.
fn unseal(bytes: &[u8]) -> Result<&str, String> {
    let head = &bytes[..bytes.len().min(HEAD.len())];
    if !HEAD.as_bytes().starts_with(head) {
        return Err("it is not a record of Shepherd's".to_owned());
    }
    let truncated = || format!("it is truncated after {} bytes", bytes.len());
    let text = std::str::from_utf8(bytes).map_err(|_| "it was altered: it is not UTF-8".to_owned())?;
    let body = text.strip_suffix(END).ok_or_else(truncated)?;
    let (body, digits) = body.split_at_checked(body.len().saturating_sub(DIGITS)).ok_or_else(truncated)?;
    let sealed = body.strip_suffix(SEAL).ok_or_else(truncated)?;
    if format!("{:0DIGITS$x}", checksum(sealed)) != digits {
        return Err("it was altered: its checksum does not fit".to_owned());
    }
    Ok(text)
}

/// The one place that knows older versions: each gets an arm that turns it into today's document.
fn migrate(text: &str) -> Result<Document, String> {
    let unreadable = |error: serde_json::Error| format!("it cannot be read: {error}");
    let Header { version } = serde_json::from_str(text).map_err(unreadable)?;
    match version {
        VERSION => serde_json::from_str(text).map_err(unreadable),
        newer if newer > VERSION => {
            Err(format!("it is of version {newer}, from a newer Shepherd; this one reads up to {VERSION}"))
        }
        never => Err(format!("it is of version {never}, which never was")),
    }
}

/// FNV-1a: notices accidents of disks and editors, which is all that it is for.
fn checksum(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOCH: Epoch = Epoch::new(7);

    fn web() -> Target {
        "shop/web".parse().unwrap()
    }

    fn record() -> Record {
        let saved = Saved { sequence: Sequence::new(12), snapshot: "{\"é\":\"\\n\u{1}\"}".to_owned() };
        Record { epoch: EPOCH, kept: Some(Kept { epoch: Epoch::new(6), saved }) }
    }

    fn refused(bytes: &[u8]) -> String {
        Record::decode(bytes, &web(), EPOCH).unwrap_err()
    }

    /// A record of any content, sealed properly.
    fn sealed(body: &str) -> String {
        format!("{body}{SEAL}{:0DIGITS$x}{END}", checksum(body))
    }

    #[test]
    fn reads_back_and_is_json() {
        for record in [record(), Record { epoch: EPOCH, kept: None }] {
            let text = record.encode(&web()).unwrap();
            assert_eq!(Record::decode(text.as_bytes(), &web(), EPOCH).unwrap(), record);
            serde_json::from_str::<serde_json::Value>(&text).unwrap();
        }
    }

    #[test]
    fn is_refused_when_truncated_at_any_byte() {
        let text = record().encode(&web()).unwrap();
        for length in 0..text.len() {
            let reason = refused(&text.as_bytes()[..length]);
            assert!(reason.contains("truncated") || reason.contains("UTF-8"), "{length}: {reason}");
        }
    }

    #[test]
    fn is_refused_when_any_bit_is_flipped() {
        let text = record().encode(&web()).unwrap().into_bytes();
        for bit in 0..text.len() * 8 {
            let mut flipped = text.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            refused(&flipped);
        }
    }

    #[test]
    fn says_what_else_it_is() {
        let cases = [
            ("hello\n".to_owned(), "not a record of Shepherd's"),
            ("{}".to_owned(), "not a record of Shepherd's"),
            (sealed(&format!("{HEAD}2,\"new\":1")), "from a newer Shepherd"),
            (sealed(&format!("{HEAD}0")), "never was"),
            (sealed(&format!("{HEAD}1")), "missing field"),
            (record().encode(&"shop/api".parse().unwrap()).unwrap(), "record of shop/api, not of shop/web"),
            (
                Record { epoch: EPOCH.next(), kept: None }.encode(&web()).unwrap(),
                "of epoch 8, not of epoch 7",
            ),
        ];
        for (text, reason) in cases {
            let told = refused(text.as_bytes());
            assert!(told.contains(reason), "{told}");
        }
    }
}
