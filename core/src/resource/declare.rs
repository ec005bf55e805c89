//! The macros that declare API types, so that each field's JSON rules are stated once for all of them.
//!
//! In JSON, names are camelCase (`as "preDNAT"` where that is not what Go made of them), null is the same as absent,
//! and what has its default is not written. Without the feature `serde` they are plain structs.

/// Types that refuse a field they do not know: the spec of a policy and everything in it.
macro_rules! strict {
    ($($structs:tt)*) => { structs! { (default, deny_unknown_fields) $($structs)* } };
}

/// Types that ignore what they do not know: the inventory, of which little bears on policy.
macro_rules! lenient {
    ($($structs:tt)*) => { structs! { (default) $($structs)* } };
}

macro_rules! structs {
    ($serde:tt $(
        $(#[$meta:meta])*
        pub struct $name:ident { $($(#[$doc:meta])* pub $field:ident $(as $json:literal)?: $type:ty,)* }
    )*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Default)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        #[cfg_attr(feature = "serde", serde(rename_all = "camelCase"), serde $serde)]
        pub struct $name {$(
            $(#[$doc])*
            #[cfg_attr(feature = "serde", serde(
                $(rename = $json,)?
                skip_serializing_if = "crate::resource::wire::is_default",
                deserialize_with = "crate::resource::wire::null_default"
            ))]
            pub $field: $type,
        )*}
    )*};
}

/// Whole objects: `metadata` and the fields named here. Their JSON carries `apiVersion` and `kind` besides, which are
/// checked where they are present (the items of a typed list have none).
///
/// `strict` objects have nothing but a spec and a status, which is dropped; `lenient` ones ignore what they do not know.
macro_rules! objects {
    ($mode:ident $(
        $(#[$meta:meta])*
        pub struct $name:ident is $kind:ident { $($(#[$doc:meta])* pub $field:ident: $type:ty,)* }
    )*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Default)]
        pub struct $name {
            /// Name, namespace, labels and annotations.
            pub metadata: $crate::resource::ObjectMeta,
            $($(#[$doc])* pub $field: $type,)*
        }

        #[cfg(feature = "serde")]
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                #[derive(serde::Serialize)]
                #[serde(rename_all = "camelCase")]
                struct Wire<'a> {
                    api_version: &'static str,
                    kind: &'static str,
                    metadata: &'a $crate::resource::ObjectMeta,
                    $($field: &'a $type,)*
                }
                let kind = $crate::resource::Kind::$kind;
                Wire {
                    api_version: kind.api_version(),
                    kind: kind.as_str(),
                    metadata: &self.metadata,
                    $($field: &self.$field,)*
                }
                .serialize(serializer)
            }
        }

        #[cfg(feature = "serde")]
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                wire! { $mode $($field: $type,)* }
                let wire: Wire = serde::Deserialize::deserialize(deserializer)?;
                $crate::resource::wire::expect_kind(
                    $crate::resource::Kind::$kind,
                    wire.api_version.as_deref(),
                    wire.kind.as_deref(),
                )?;
                Ok(Self { metadata: wire.metadata, $($field: wire.$field,)* })
            }
        }
    )*};
}

/// What the JSON of an object may hold, for [`objects!`].
#[cfg(feature = "serde")]
macro_rules! wire {
    (strict $spec:ident: $type:ty,) => {
        #[derive(Default, serde::Deserialize)]
        #[serde(rename_all = "camelCase", default, deny_unknown_fields)]
        struct Wire {
            api_version: Option<String>,
            kind: Option<String>,
            #[serde(deserialize_with = "crate::resource::wire::strict_metadata")]
            metadata: $crate::resource::ObjectMeta,
            #[serde(deserialize_with = "crate::resource::wire::null_default")]
            $spec: $type,
            #[serde(rename = "status")]
            _status: $crate::resource::Ignored,
        }
    };
    (lenient $($field:ident: $type:ty,)*) => {
        #[derive(Default, serde::Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        struct Wire {
            api_version: Option<String>,
            kind: Option<String>,
            #[serde(deserialize_with = "crate::resource::wire::null_default")]
            metadata: $crate::resource::ObjectMeta,
            $(#[serde(deserialize_with = "crate::resource::wire::null_default")] $field: $type,)*
        }
    };
}
