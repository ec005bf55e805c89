//! From an address to what holds there.

use super::{Arena, NONE, Paged, Parts, Single, Singles, Table, Trie};
use std::net::IpAddr;

/// What an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    /// That of a workload.
    Workload { endpoint: u32 },
    /// That of a node.
    Host { node: u32 },
    /// Neither.
    Outside,
    /// The flow names an endpoint that does not exist.
    Unknown,
}

/// Who has an address: the first endpoint by key and the first node by name, each a number or [`NONE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Occupant {
    pub(crate) endpoint: u32,
    pub(crate) node: u32,
}

impl Occupant {
    pub(crate) const NOBODY: Self = Occupant { endpoint: NONE, node: NONE };
}

/// The parts that hold at the addresses of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ClassParts {
    /// That of the endpoints that hold the address.
    pub(crate) holders: u32,
    /// That of the ranges that cover it.
    pub(crate) address: u32,
}

/// Addresses by family: what they are, and who has them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Addresses {
    /// To classes.
    pub(crate) v4: Trie,
    /// To what stands for an occupant.
    occupied_v4: Trie,
    /// Occupants that no number can stand for by itself.
    occupants: Table<Occupant>,
    /// The first address of each run of one class, sorted; the first is 0.
    pub(super) runs_v6: Table<(u128, u32)>,
    /// IPv6 addresses of a class of their own, or that somebody has.
    pub(super) singles_v6: Singles,
    pub(crate) classes: Paged<ClassParts>,
}

/// Whatever stands for occupants.
impl PartialEq for Addresses {
    fn eq(&self, other: &Self) -> bool {
        self.v4 == other.v4
            && self.occupied_v4() == other.occupied_v4()
            && self.runs_v6 == other.runs_v6
            && self.singles_v6 == other.singles_v6
            && self.classes == other.classes
    }
}

/// From this number on, an IPv4 address leads to a record of [`Addresses::occupants`].
const RECORDS: u32 = 1 << 29;

impl Addresses {
    /// Of sorted lists: runs of one class, of which the first begins at 0, and single addresses.
    pub(crate) fn new(
        runs_v4: &[(u32, u32)],
        occupied_v4: &[(u32, Occupant)],
        runs_v6: Vec<(u128, u32)>,
        singles_v6: impl IntoIterator<Item = Single>,
        classes: Paged<ClassParts>,
    ) -> Self {
        let mut addresses = Addresses {
            v4: Trie::new(runs_v4),
            singles_v6: singles_v6.into_iter().collect(),
            classes,
            ..Addresses::default()
        };
        addresses.set_runs_v6(runs_v6);
        let mut runs = vec![(0, 0)];
        for (address, occupant) in occupied_v4 {
            if runs.last().is_some_and(|(first, _)| first == address) {
                runs.pop();
            }
            runs.push((*address, addresses.occupant_number(*occupant)));
            runs.extend(address.checked_add(1).map(|next| (next, 0)));
        }
        addresses.occupied_v4 = Trie::new(&runs);
        addresses
    }

    /// The class of an address.
    #[inline]
    pub(crate) fn class(&self, address: IpAddr) -> u32 {
        match address {
            IpAddr::V4(v4) => self.v4.get(v4.to_bits()),
            IpAddr::V6(v6) => self.class_v6(v6.to_bits()),
        }
    }

    fn class_v6(&self, address: u128) -> u32 {
        if let Some(single) = self.singles_v6.get(address).filter(|single| single.class != NONE) {
            return single.class;
        }
        let after = self.runs_v6.0.partition_point(|(first, _)| *first <= address);
        after.checked_sub(1).and_then(|last| self.runs_v6.0.get(last)).map_or(0, |(_, class)| *class)
    }

    /// Somebody has an IPv4 address.
    pub(crate) fn is_occupied_v4(&self, address: u32) -> bool {
        self.occupied_v4.get(address) != 0
    }

    /// IPv4 addresses that somebody has in one of both only, sorted. Both are sealed.
    pub(crate) fn differently_occupied_v4(&self, old: &Self) -> Vec<u32> {
        let runs = self.occupied_v4.differences(&old.occupied_v4).into_iter();
        let runs = runs.filter(|(_, _, number, known)| (*number == 0) != (*known == 0));
        runs.flat_map(|(first, last, ..)| first..=last).collect()
    }

    /// The classes of IPv6 addresses that have none of their own: the first address of each run, sorted.
    pub(crate) fn runs_v6(&self) -> &Arena<(u128, u32)> {
        &self.runs_v6.0
    }

    /// The IPv6 addresses that are known by themselves.
    pub(crate) fn singles_v6(&self) -> &Singles {
        &self.singles_v6
    }

    /// The parts that hold at an address.
    pub(crate) fn parts(&self, address: IpAddr) -> ClassParts {
        let nothing = ClassParts { holders: Parts::EMPTY, address: Parts::EMPTY };
        self.classes.get(self.class(address)).copied().unwrap_or(nothing)
    }

    /// Who has an address.
    pub(crate) fn occupant(&self, address: IpAddr) -> Occupant {
        match address {
            IpAddr::V4(v4) => self.occupant_of(self.occupied_v4.get(v4.to_bits())),
            IpAddr::V6(v6) => {
                self.singles_v6.get(v6.to_bits()).map_or(Occupant::NOBODY, |single| single.occupant)
            }
        }
    }

    fn occupant_of(&self, number: u32) -> Occupant {
        match number {
            0 => Occupant::NOBODY,
            1..RECORDS => Occupant { endpoint: number - 1, node: NONE },
            _ => self.occupants.get(number - RECORDS).copied().unwrap_or(Occupant::NOBODY),
        }
    }

    /// What stands for an occupant. Endpoints stand for themselves; nodes, which are few, need a record each time.
    fn occupant_number(&mut self, occupant: Occupant) -> u32 {
        match occupant {
            Occupant::NOBODY => 0,
            Occupant { endpoint, node: NONE } if endpoint < RECORDS - 1 => endpoint + 1,
            _ => RECORDS + self.occupants.push(occupant),
        }
    }

    /// Gives one address a class. An IPv6 address that is given [`NONE`] returns to the run around it; of an IPv4
    /// address the writer has to know the class of that run.
    pub(crate) fn set_class(&mut self, address: IpAddr, class: u32) {
        match address {
            IpAddr::V4(v4) if self.v4.get(v4.to_bits()) == class => {}
            IpAddr::V4(v4) => self.v4.set(v4.to_bits(), v4.to_bits(), class),
            IpAddr::V6(v6) => self.singles_v6.set(Single { class, ..self.single(v6.to_bits()) }),
        }
    }

    /// Says who has an address.
    pub(crate) fn set_occupant(&mut self, address: IpAddr, occupant: Occupant) {
        match address {
            IpAddr::V4(_) if self.occupant(address) == occupant => {}
            IpAddr::V4(v4) => {
                let number = self.occupant_number(occupant);
                self.occupied_v4.set(v4.to_bits(), v4.to_bits(), number);
            }
            IpAddr::V6(v6) => self.singles_v6.set(Single { occupant, ..self.single(v6.to_bits()) }),
        }
    }

    fn single(&self, address: u128) -> Single {
        self.singles_v6.get(address).copied().unwrap_or(Single::unknown(address))
    }

    /// Replaces the classes of all IPv6 addresses that have none of their own: sorted runs, of which the first begins
    /// at 0.
    pub(crate) fn set_runs_v6(&mut self, mut runs: Vec<(u128, u32)>) {
        runs.dedup_by_key(|(_, class)| *class);
        self.runs_v6 = runs.into();
    }

    /// Who has which IPv4 address, sorted.
    pub(super) fn occupied_v4(&self) -> Vec<(u32, Occupant)> {
        let runs = self.occupied_v4.runs();
        let ends = runs.iter().skip(1).map(|(first, _)| first - 1).chain([u32::MAX]);
        let occupied = runs.iter().zip(ends).filter(|((_, number), _)| *number != 0);
        let each = |((first, number), last): (&(u32, u32), u32)| {
            let occupant = self.occupant_of(*number);
            (*first..=last).map(move |address| (address, occupant))
        };
        occupied.flat_map(each).collect()
    }

    pub(crate) fn seal(&mut self) {
        self.v4.seal();
        self.occupied_v4.seal();
        self.singles_v6.seal();
        self.classes.seal();
    }

    pub(crate) fn bytes(&self) -> usize {
        self.v4.bytes()
            + self.occupied_v4.bytes()
            + self.occupants.bytes()
            + self.runs_v6.bytes()
            + self.singles_v6.bytes()
            + self.classes.bytes()
    }

    /// The bytes of what was replaced.
    pub(crate) fn garbage(&self) -> usize {
        self.v4.garbage() + self.occupied_v4.garbage() + self.singles_v6.garbage() + self.classes.garbage()
    }

    /// Moves everything to new memory, without what was replaced.
    pub(crate) fn compact(&mut self) {
        self.v4.compact();
        self.occupied_v4.compact();
        self.singles_v6.compact();
        self.classes.compact();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn what_is_said_of_an_address_is_found(
            steps in prop::collection::vec((0..6_u8, any::<bool>(), 0..3_u32, 0..3_u32, 0..2_u32), 0..60),
        ) {
            let runs_v6 = vec![(0, 0), (3, 1)];
            let mut addresses = Addresses::new(&[(0, 0)], &[], runs_v6, [], Paged::default());
            let mut known: BTreeMap<IpAddr, (u32, Occupant)> = BTreeMap::new();
            let number = |number: u32| if number == 0 { NONE } else { number };
            for (last, is_v4, class, endpoint, node) in steps {
                let address: IpAddr =
                    if is_v4 { [10, 0, 0, last].into() } else { [0, 0, 0, 0, 0, 0, 0, last.into()].into() };
                let occupant = Occupant { endpoint: number(endpoint), node: number(node) };
                addresses.set_class(address, class);
                addresses.set_occupant(address, occupant);
                known.insert(address, (class, occupant));
                if class == 0 {
                    addresses.seal();
                }
                for (address, said) in &known {
                    prop_assert_eq!((addresses.class(*address), addresses.occupant(*address)), *said);
                }
            }
            let mut compact = addresses.clone();
            compact.compact();
            prop_assert!(compact == addresses);
            prop_assert!(compact.bytes() <= addresses.bytes() && compact.garbage() == 0);
            let v6 = IpAddr::from([0, 0, 0, 0, 0, 0, 0, 5]);
            addresses.set_class(v6, NONE);
            addresses.set_occupant(v6, Occupant::NOBODY);
            prop_assert_eq!((addresses.class(v6), addresses.occupant(v6)), (1, Occupant::NOBODY));
        }
    }
}
