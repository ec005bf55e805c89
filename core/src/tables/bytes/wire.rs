//! Values to bytes and back.
//!
//! Numbers are little endian; a list is its length, in 32 bits, and its members; a text is a list of bytes; an option is
//! 0, or 1 and its value. There is one form for each value, so what was decoded encodes to the same bytes.

use crate::tables::count;
use std::fmt;
use std::sync::Arc;

/// Why bytes are not a value.
#[derive(Debug)]
pub(super) struct Fault {
    /// How many bytes were read before.
    pub(super) offset: usize,
    pub(super) problem: String,
}

/// Boxed, so that values which nest take little of the stack.
pub(super) type Decoded<T> = Result<T, Box<Fault>>;

/// A value that has a form in bytes.
pub(super) trait Codec: Sized {
    /// No value takes fewer bytes; at least 1.
    const LEAST: usize;

    fn encode(&self, out: &mut Vec<u8>);

    fn decode(input: &mut Reader<'_>) -> Decoded<Self>;
}

/// How deep values may nest, which are read by recursion. No selector that is read from text is as high.
const DEEPEST: usize = 768;

/// Bytes that are being read.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    len: usize,
    /// How many values are being read that nest.
    depth: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes, len: bytes.len(), depth: 0 }
    }

    pub(super) fn rest(&self) -> usize {
        self.rest.len()
    }

    pub(super) fn fault(&self, problem: impl fmt::Display) -> Box<Fault> {
        Box::new(Fault { offset: self.len - self.rest.len(), problem: problem.to_string() })
    }

    pub(super) fn bytes<const N: usize>(&mut self) -> Decoded<[u8; N]> {
        let Some((bytes, rest)) = self.rest.split_first_chunk() else {
            return Err(self.fault(format_args!("{N} bytes are needed, {} are left", self.rest.len())));
        };
        self.rest = rest;
        Ok(*bytes)
    }

    pub(super) fn slice(&mut self, len: usize) -> Decoded<&'a [u8]> {
        let Some((bytes, rest)) = self.rest.split_at_checked(len) else {
            return Err(self.fault(format_args!("{len} bytes are needed, {} are left", self.rest.len())));
        };
        self.rest = rest;
        Ok(bytes)
    }

    /// The length of a list whose members take `least` bytes each; never more than there can be.
    pub(super) fn length(&mut self, least: usize) -> Decoded<usize> {
        let stated = u32::decode(self)?;
        let most = self.rest.len() / least.max(1);
        match usize::try_from(stated) {
            Ok(len) if len <= most => Ok(len),
            _ => Err(self.fault(format_args!(
                "a list says that it has {stated} members, but at most {most} can follow"
            ))),
        }
    }

    /// Reads something that may hold its like.
    pub(super) fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Decoded<T>) -> Decoded<T> {
        if self.depth == DEEPEST {
            return Err(self.fault(format_args!("values nest more than {DEEPEST} deep")));
        }
        self.depth += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }
}

macro_rules! numbers {
    ($($name:ty)+) => {$(
        impl Codec for $name {
            const LEAST: usize = size_of::<$name>();

            fn encode(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }

            fn decode(input: &mut Reader<'_>) -> Decoded<Self> {
                input.bytes().map(<$name>::from_le_bytes)
            }
        }
    )+};
}

numbers! { u8 u16 u32 u64 u128 }

/// Records: the fields of each, in the order of their bytes. A field that is missing here does not compile.
macro_rules! records {
    ($($name:ident { $($field:ident: $type:ty),+ $(,)? })+) => {$(
        impl $crate::tables::bytes::wire::Codec for $name {
            const LEAST: usize = 0 $(+ <$type as $crate::tables::bytes::wire::Codec>::LEAST)+;

            fn encode(&self, out: &mut Vec<u8>) {
                let $name { $($field),+ } = self;
                $($crate::tables::bytes::wire::Codec::encode($field, out);)+
            }

            fn decode(
                input: &mut $crate::tables::bytes::wire::Reader<'_>,
            ) -> $crate::tables::bytes::wire::Decoded<Self> {
                $(let $field: $type = $crate::tables::bytes::wire::Codec::decode(input)?;)+
                Ok($name { $($field),+ })
            }
        }
    )+};
}

/// Enumerations: the number of each variant, and its fields. A variant that is missing here does not compile.
macro_rules! variants {
    ($($name:ident {
        $($number:literal = $variant:ident $(($($part:ident),+))? $({ $($field:ident),+ })?),+ $(,)?
    })+) => {$(
        impl $crate::tables::bytes::wire::Codec for $name {
            const LEAST: usize = 1;

            fn encode(&self, out: &mut Vec<u8>) {
                match self {
                    $($name::$variant $(($($part),+))? $({ $($field),+ })? => {
                        out.push($number);
                        $($($crate::tables::bytes::wire::Codec::encode($part, out);)+)?
                        $($($crate::tables::bytes::wire::Codec::encode($field, out);)+)?
                    })+
                }
            }

            fn decode(
                input: &mut $crate::tables::bytes::wire::Reader<'_>,
            ) -> $crate::tables::bytes::wire::Decoded<Self> {
                input.nested(|input| match <u8 as $crate::tables::bytes::wire::Codec>::decode(input)? {
                    $($number => {
                        $($(let $part = $crate::tables::bytes::wire::Codec::decode(input)?;)+)?
                        $($(let $field = $crate::tables::bytes::wire::Codec::decode(input)?;)+)?
                        Ok($name::$variant $(($($part),+))? $({ $($field),+ })?)
                    })+
                    other => Err(input.fault(format_args!("{} has no variant {other}", stringify!($name)))),
                })
            }
        }
    )+};
}

pub(super) use {records, variants};

impl Codec for bool {
    const LEAST: usize = 1;

    fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn decode(input: &mut Reader<'_>) -> Decoded<Self> {
        match u8::decode(input)? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(input.fault(format_args!("a truth value is 0 or 1, not {other}"))),
        }
    }
}

impl<T: Codec> Codec for Option<T> {
    const LEAST: usize = 1;

    fn encode(&self, out: &mut Vec<u8>) {
        self.is_some().encode(out);
        if let Some(value) = self {
            value.encode(out);
        }
    }

    fn decode(input: &mut Reader<'_>) -> Decoded<Self> {
        if bool::decode(input)? { T::decode(input).map(Some) } else { Ok(None) }
    }
}

impl<A: Codec, B: Codec> Codec for (A, B) {
    const LEAST: usize = A::LEAST + B::LEAST;

    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
        self.1.encode(out);
    }

    fn decode(input: &mut Reader<'_>) -> Decoded<Self> {
        Ok((A::decode(input)?, B::decode(input)?))
    }
}

impl<T: Codec + Default, const N: usize> Codec for [T; N] {
    const LEAST: usize = T::LEAST * N;

    fn encode(&self, out: &mut Vec<u8>) {
        self.iter().for_each(|member| member.encode(out));
    }

    fn decode(input: &mut Reader<'_>) -> Decoded<Self> {
        let mut members = std::array::from_fn(|_| T::default());
        for member in &mut members {
            *member = T::decode(input)?;
        }
        Ok(members)
    }
}

impl<T: Codec> Codec for Arc<T> {
    const LEAST: usize = T::LEAST;

    fn encode(&self, out: &mut Vec<u8>) {
        T::encode(self, out);
    }

    fn decode(input: &mut Reader<'_>) -> Decoded<Self> {
        T::decode(input).map(Arc::new)
    }
}

impl<T: Codec> Codec for Vec<T> {
    const LEAST: usize = 4;

    fn encode(&self, out: &mut Vec<u8>) {
        count(self.len()).encode(out);
        self.iter().for_each(|member| member.encode(out));
    }

    fn decode(input: &mut Reader<'_>) -> Decoded<Self> {
        let len = input.length(T::LEAST)?;
        let mut members = Vec::with_capacity(len);
        for _ in 0..len {
            members.push(T::decode(input)?);
        }
        Ok(members)
    }
}

/// Long lists in which neighbours are mostly equal: their number, and for each run its length and value.
pub(super) fn encode_runs<T: Codec + PartialEq>(values: &[T], out: &mut Vec<u8>) {
    let runs = || values.chunk_by(PartialEq::eq);
    count(runs().count()).encode(out);
    for run in runs() {
        if let Some(value) = run.first() {
            count(run.len()).encode(out);
            value.encode(out);
        }
    }
}

/// At most `most` values: runs are the one thing here of which few bytes make many.
pub(super) fn decode_runs<T: Codec + PartialEq + Clone>(
    input: &mut Reader<'_>,
    most: usize,
) -> Decoded<Vec<T>> {
    let mut values: Vec<T> = Vec::new();
    for _ in 0..input.length(u32::LEAST + T::LEAST)? {
        let (stated, value) = <(u32, T)>::decode(input)?;
        let len = usize::try_from(stated).unwrap_or(usize::MAX);
        if len == 0 || values.last() == Some(&value) {
            return Err(input.fault("a run is empty, or has the value of the one before"));
        }
        if len > most - values.len() {
            return Err(input.fault(format_args!("runs make more than {most} values")));
        }
        values.extend(std::iter::repeat_n(value, len));
    }
    Ok(values)
}
