//! The stable codes.

use std::fmt;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal,)+) => {
        /// What kind of problem it is. Codes are stable: tools may match on [`Code::as_str`].
        ///
        /// `TW01xx` the text, `TW02xx` the shape of an object, `TW03xx` names and kinds, `TW04xx` selectors and labels,
        /// `TW05xx` the meaning of fields, `TW06xx` references between objects, `TW07xx` advice.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        #[non_exhaustive]
        pub enum Code {
            $($(#[doc = $doc])+ #[cfg_attr(feature = "serde", serde(rename = $text))] $name,)+
        }

        impl Code {
            /// Every code, in the order of their numbers.
            pub const ALL: &'static [Code] = &[$(Code::$name,)+];

            /// The code as it is printed, like `TW0201`.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)+ }
            }
        }
    };
}

codes! {
    /// The text is not valid YAML or JSON.
    InvalidSyntax = "TW0101",
    /// The text is not UTF-8.
    InvalidUtf8 = "TW0102",
    /// A key stands twice in one map.
    DuplicateKey = "TW0103",
    /// The input exceeds one of the explicit limits.
    LimitExceeded = "TW0104",
    /// A YAML feature that Kubernetes tools do not accept either, such as a custom tag.
    UnsupportedYaml = "TW0105",
    /// A file or directory cannot be read.
    Unreadable = "TW0106",
    /// A field that its object does not have.
    UnknownField = "TW0201",
    /// A value of another type than the field takes.
    WrongType = "TW0202",
    /// A required field is absent.
    MissingField = "TW0203",
    /// A word that is not one of those the field takes.
    UnknownValue = "TW0204",
    /// A value that the field cannot hold.
    InvalidValue = "TW0205",
    /// Two fields that exclude each other, or one without the other it needs.
    ConflictingFields = "TW0206",
    /// A list or string that is too long, or too short.
    InvalidLength = "TW0207",
    /// A number outside its range.
    OutOfRange = "TW0208",
    /// A list that holds the same thing twice.
    DuplicateItem = "TW0209",
    /// A name that its kind does not allow.
    InvalidName = "TW0301",
    /// An object without `apiVersion` or `kind`.
    MissingKind = "TW0302",
    /// A kind that bears on nothing here; it is counted and left out.
    UnknownKind = "TW0303",
    /// The same object twice in one load.
    DuplicateObject = "TW0304",
    /// A kind of a known group in a version that is not supported.
    UnsupportedVersion = "TW0305",
    /// A selector that does not parse.
    InvalidSelector = "TW0401",
    /// A selector expression that is not allowed in this field.
    SelectorNotAllowed = "TW0402",
    /// A label key or value that is not valid.
    InvalidLabel = "TW0403",
    /// An address range that does not parse, or is not allowed here.
    InvalidCidr = "TW0501",
    /// A port, port range or port name that is not valid.
    InvalidPort = "TW0502",
    /// A protocol that is not known, or not allowed here.
    InvalidProtocol = "TW0503",
    /// Ports without a protocol that has ports.
    PortsNeedProtocol = "TW0504",
    /// ICMP fields that contradict the rest of the rule.
    InvalidIcmp = "TW0505",
    /// Address families that contradict each other.
    IpVersionConflict = "TW0506",
    /// An HTTP match where none is allowed, or one that is not valid.
    InvalidHttp = "TW0507",
    /// A `services` match where none is allowed.
    InvalidServices = "TW0508",
    /// A domain name pattern that is not valid or not allowed here.
    InvalidDomain = "TW0509",
    /// A peer or protocol entry without a field that is known.
    EmptyPeer = "TW0510",
    /// A field of a reserved object that must keep its value.
    ReservedObject = "TW0511",
    /// Host-endpoint options that contradict each other.
    InvalidPhase = "TW0512",
    /// A policy names a tier that does not exist.
    MissingTier = "TW0601",
    /// An endpoint names a profile that does not exist.
    MissingProfile = "TW0602",
    /// Policies of one tier have the same priority.
    AmbiguousPriority = "TW0701",
    /// Something that is legal and surely not what was meant.
    LikelyMistake = "TW0702",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_ordered() {
        assert!(Code::ALL.windows(2).all(|pair| pair[0].as_str() < pair[1].as_str()));
    }
}
