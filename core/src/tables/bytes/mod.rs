//! Tables to bytes and back.
//!
//! # The format
//!
//! | bytes | what |
//! |---|---|
//! | 8 | [`MAGIC`] |
//! | 4 | [`VERSION`] |
//! | 8 | the number of all bytes, from the first to the last |
//! | ... | sections: 4 bytes of its tag, 8 of its length, and its contents |
//! | 4 | CRC-32 (ISO-HDLC, as of zlib) of all bytes before |
//!
//! Numbers are little endian. Sections come in the order of [`to_bytes`], each once; only `PEND` may be absent. What they
//! hold stands in `records` and `values`, field by field, in the forms of `wire`. Nothing follows the word size or byte
//! order of the machine, and equal tables have equal bytes.
//!
//! There is no compatibility between versions: the tables are a compiled form, and its cluster can be compiled again.
//! **Whoever changes a table's fields or what they mean raises [`VERSION`].**
//!
//! # Trust
//!
//! The checksum tells accidents, not attacks. Whatever the bytes are, decoding ends, takes memory in proportion to them,
//! and gives tables only if [`check`] finds that every number names a record that exists, that what is searched by halves
//! is sorted, and that lists lead to earlier ones only, so that every walk ends.

mod check;
mod error;
mod records;
#[cfg(all(test, feature = "yaml"))]
mod tests;
mod values;
mod wire;

pub use error::SnapshotError;

use super::Tables;
use wire::{Codec, Reader};

const MAGIC: [u8; 8] = *b"tierwall";

/// Of the format.
const VERSION: u32 = 5;

/// A part of the bytes.
#[derive(Debug, Clone, Copy)]
struct Section {
    tag: [u8; 4],
    name: &'static str,
}

const META: Section = Section { tag: *b"META", name: "meta" };
const DIALECT: Section = Section { tag: *b"DIAL", name: "dialect" };
const ADDRESSES: Section = Section { tag: *b"ADDR", name: "addresses" };
const PARTS: Section = Section { tag: *b"PART", name: "parts" };
const ENDPOINTS: Section = Section { tag: *b"ENDP", name: "endpoints" };
const POLICIES: Section = Section { tag: *b"POLI", name: "policies" };
const ROUTES: Section = Section { tag: *b"ROUT", name: "routes" };
const TRAFFIC: Section = Section { tag: *b"TRAF", name: "traffic" };
const ENFORCED: Section = Section { tag: *b"ENFO", name: "enforced" };
const PENDING: Section = Section { tag: *b"PEND", name: "pending" };

/// The bytes of tables.
pub(crate) fn to_bytes(tables: &Tables) -> Vec<u8> {
    let Tables {
        generation,
        dialect,
        only_node,
        addresses,
        parts,
        endpoints,
        policies,
        routes,
        traffic,
        enforced,
        slow_rules,
        pending,
    } = tables;
    let mut out = MAGIC.to_vec();
    VERSION.encode(&mut out);
    let length = out.len();
    0_u64.encode(&mut out);
    write(&mut out, META, &(*generation, (*only_node, *slow_rules)));
    write(&mut out, DIALECT, dialect);
    write(&mut out, ADDRESSES, addresses);
    write(&mut out, PARTS, parts);
    write(&mut out, ENDPOINTS, endpoints);
    write(&mut out, POLICIES, policies);
    write(&mut out, ROUTES, routes);
    write(&mut out, TRAFFIC, traffic);
    write(&mut out, ENFORCED, enforced);
    if let Some(pending) = pending {
        write(&mut out, PENDING, pending);
    }
    let all = out.len() + size_of::<u32>();
    set_length(&mut out, length, all);
    crc32fast::hash(&out).encode(&mut out);
    out
}

fn write(out: &mut Vec<u8>, section: Section, contents: &impl Codec) {
    out.extend_from_slice(&section.tag);
    let length = out.len();
    0_u64.encode(out);
    let start = out.len();
    contents.encode(out);
    let len = out.len() - start;
    set_length(out, length, len);
}

fn set_length(out: &mut [u8], place: usize, length: usize) {
    let bytes = wide(length).to_le_bytes();
    out.iter_mut().skip(place).zip(bytes).for_each(|(place, byte)| *place = byte);
}

/// The tables of bytes, which may be any.
pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Tables, SnapshotError> {
    let mut sections = Sections { rest: contents(bytes)? };
    let (generation, (only_node, slow_rules)) = sections.read(META)?;
    let tables = Tables {
        generation,
        only_node,
        dialect: sections.read(DIALECT)?,
        addresses: sections.read(ADDRESSES)?,
        parts: sections.read(PARTS)?,
        endpoints: sections.read(ENDPOINTS)?,
        policies: sections.read(POLICIES)?,
        routes: sections.read(ROUTES)?,
        traffic: sections.read(TRAFFIC)?,
        enforced: sections.read(ENFORCED)?,
        slow_rules,
        pending: if sections.rest.is_empty() { None } else { Some(sections.read(PENDING)?) },
    };
    sections.finish()?;
    check::tables(&tables)?;
    Ok(tables)
}

/// The sections of bytes that are whole.
fn contents(bytes: &[u8]) -> Result<&[u8], SnapshotError> {
    let rest = bytes.strip_prefix(&MAGIC).ok_or(SnapshotError::NotASnapshot)?;
    let cut_short = || SnapshotError::NoHeader { found: wide(bytes.len()) };
    let (version, rest) = rest.split_first_chunk().ok_or_else(cut_short)?;
    match u32::from_le_bytes(*version) {
        VERSION => {}
        found => return Err(SnapshotError::Version { found, readable: VERSION }),
    }
    let (stated, rest) = rest.split_first_chunk().ok_or_else(cut_short)?;
    let stated = u64::from_le_bytes(*stated);
    let Some((rest, checksum)) = rest.split_last_chunk().filter(|_| stated == wide(bytes.len())) else {
        return Err(SnapshotError::Length { stated, found: wide(bytes.len()) });
    };
    let stated = u32::from_le_bytes(*checksum);
    let computed = crc32fast::hash(bytes.strip_suffix(checksum).unwrap_or_default());
    if stated == computed { Ok(rest) } else { Err(SnapshotError::Checksum { stated, computed }) }
}

/// Sections that are still to be read.
struct Sections<'a> {
    rest: &'a [u8],
}

impl Sections<'_> {
    fn read<T: Codec>(&mut self, section: Section) -> Result<T, SnapshotError> {
        let malformed = |offset: usize, problem: String| SnapshotError::Malformed {
            section: section.name,
            offset: wide(offset),
            problem,
        };
        let missing = |found: &[u8]| {
            let found = String::from_utf8_lossy(found).into_owned();
            malformed(0, format!("it should begin here, with its tag and length, but here is {found:?}"))
        };
        let Some((tag, rest)) = self.rest.split_first_chunk::<4>().filter(|(tag, _)| **tag == section.tag)
        else {
            return Err(missing(self.rest.get(..4).unwrap_or(self.rest)));
        };
        let Some((length, rest)) = rest.split_first_chunk() else { return Err(missing(tag)) };
        let stated = u64::from_le_bytes(*length);
        let Some((contents, rest)) = usize::try_from(stated).ok().and_then(|len| rest.split_at_checked(len))
        else {
            return Err(malformed(
                0,
                format!("it says that it has {stated} bytes, but {} follow", rest.len()),
            ));
        };
        self.rest = rest;
        let mut input = Reader::new(contents);
        let value = T::decode(&mut input).map_err(|fault| malformed(fault.offset, fault.problem))?;
        match input.rest() {
            0 => Ok(value),
            left => Err(malformed(contents.len() - left, format!("{left} bytes are left over"))),
        }
    }

    fn finish(&self) -> Result<(), SnapshotError> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(SnapshotError::Malformed {
                section: PENDING.name,
                offset: 0,
                problem: format!("{left} bytes follow it, but it is the last section"),
            }),
        }
    }
}

fn wide(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
