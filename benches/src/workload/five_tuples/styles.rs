//! What rules look like in the rule sets of ClassBench, in thousandths.

/// Which of the rule sets of ClassBench.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Access control lists of routers (`acl1`): pairs of hosts, and ports of applications.
    Acl,
    /// Firewalls (`fw1`): a host, and anybody; well-known ports.
    Fw,
    /// Chains of a Linux packet filter (`ipc1`): hosts and small networks of both ends.
    Ipc,
}

/// The classes of port ranges by which ClassBench tells rules apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Ports {
    /// Any (WC).
    #[default]
    Any,
    /// 1024 and more (HI).
    High,
    /// Less than 1024 (LO).
    Low,
    /// Another range (AR).
    Range,
    /// One port (EM).
    Exact,
}

/// What a style is made of, in numbers that need not add up.
pub(super) struct Shares {
    /// The lengths of the prefixes of both ends.
    pub(super) pairs: &'static [(u32, [u32; 2])],
    /// The number of the protocol, and the class of the destination's ports.
    pub(super) traffic: &'static [(u32, (Option<u8>, Ports))],
    /// Ports, the frequent ones first.
    pub(super) exact: &'static [u16],
    pub(super) ranges: &'static [(u16, u16)],
    /// How many addresses the prefixes are around, for 100 rules.
    pub(super) addresses: u32,
}

const TCP: Option<u8> = Some(6);
const UDP: Option<u8> = Some(17);
const ICMP: Option<u8> = Some(1);
/// Generic routing encapsulation.
const GRE: Option<u8> = Some(47);

impl Style {
    pub(super) fn shares(self) -> &'static Shares {
        match self {
            Style::Acl => &ACL,
            Style::Fw => &FW,
            Style::Ipc => &IPC,
        }
    }
}

const ACL: Shares = Shares {
    pairs: &[
        (293, [32, 32]),
        (141, [31, 32]),
        (128, [32, 31]),
        (45, [31, 31]),
        (39, [32, 30]),
        (35, [23, 32]),
        (33, [32, 22]),
        (21, [31, 22]),
        (21, [30, 32]),
        (20, [31, 23]),
        (17, [24, 31]),
        (17, [32, 24]),
        (12, [32, 21]),
        (11, [30, 22]),
        (10, [30, 23]),
        (8, [31, 25]),
        (6, [29, 23]),
        (5, [23, 16]),
        (5, [24, 21]),
    ],
    traffic: &[
        (593, (TCP, Ports::Exact)),
        (167, (TCP, Ports::Any)),
        (114, (TCP, Ports::Range)),
        (83, (None, Ports::Any)),
        (30, (ICMP, Ports::Any)),
        (11, (UDP, Ports::Exact)),
        (2, (UDP, Ports::Range)),
    ],
    exact: &[
        1521, 1526, 1221, 1433, 135, 1525, 14_753, 1711, 1724, 1704, 1717, 1708, 20, 1712, 1550, 6790, 2121,
        2788, 5631, 5632, 161, 162, 1705, 1714, 1716, 1718, 1719, 1720, 22, 23, 25, 53, 80, 110, 139, 389,
        443, 8080,
    ],
    ranges: &[
        (1600, 1649),
        (1300, 1349),
        (1300, 1350),
        (7500, 7599),
        (32_200, 32_207),
        (2200, 2210),
        (1700, 1750),
        (1025, 65_535),
    ],
    addresses: 45,
};

const FW: Shares = Shares {
    pairs: &[
        (208, [0, 31]),
        (164, [0, 32]),
        (131, [1, 32]),
        (90, [1, 31]),
        (65, [0, 30]),
        (57, [31, 0]),
        (48, [32, 0]),
        (39, [32, 1]),
        (37, [2, 32]),
        (32, [30, 0]),
        (30, [31, 1]),
        (29, [32, 32]),
        (20, [31, 32]),
        (10, [0, 27]),
        (10, [0, 28]),
        (10, [29, 0]),
        (10, [21, 0]),
        (6, [0, 0]),
        (4, [1, 0]),
    ],
    traffic: &[
        (445, (TCP, Ports::Exact)),
        (184, (UDP, Ports::Exact)),
        (106, (UDP, Ports::Any)),
        (86, (TCP, Ports::Any)),
        (48, (GRE, Ports::Any)),
        (43, (UDP, Ports::High)),
        (39, (TCP, Ports::High)),
        (36, (ICMP, Ports::Any)),
        (11, (None, Ports::Any)),
        (1, (TCP, Ports::Range)),
        (1, (UDP, Ports::Range)),
    ],
    exact: &[
        22, 80, 25, 53, 123, 544, 2105, 21, 750, 161, 443, 23, 119, 88, 110, 143, 162, 514, 67, 69, 1521,
        8080, 24_032, 389, 993, 113, 1723, 5190, 6000, 7000,
    ],
    ranges: &[(33_434, 33_600), (40_000, 65_535)],
    addresses: 75,
};

const IPC: Shares = Shares {
    pairs: &[
        (150, [32, 32]),
        (130, [31, 31]),
        (150, [23, 24]),
        (90, [23, 25]),
        (80, [25, 23]),
        (80, [24, 23]),
        (70, [16, 32]),
        (70, [32, 16]),
        (50, [17, 31]),
        (50, [31, 17]),
        (40, [22, 25]),
        (20, [22, 26]),
        (20, [0, 32]),
    ],
    traffic: &[
        (250, (UDP, Ports::Exact)),
        (210, (TCP, Ports::Exact)),
        (160, (UDP, Ports::Any)),
        (160, (TCP, Ports::Any)),
        (60, (UDP, Ports::High)),
        (20, (TCP, Ports::High)),
        (25, (TCP, Ports::Range)),
        (25, (UDP, Ports::Range)),
        (10, (TCP, Ports::Low)),
        (20, (ICMP, Ports::Any)),
        (60, (None, Ports::Any)),
    ],
    exact: &[
        69, 80, 53, 514, 9003, 25, 161, 1433, 137, 22, 113, 5540, 5530, 5550, 143, 23, 119, 162, 445, 500,
        1645, 1723, 5510, 5631, 7000, 139, 443, 524, 6346, 6789,
    ],
    ranges: &[(20, 21), (109, 110), (1645, 1646), (6000, 6063)],
    addresses: 35,
};
