// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Where each block of the arena lies: pure arithmetic, tested natively.

/// Blocks that a header has room for.
pub const MAX_BLOCKS: usize = 24;
/// What the host writes before `configure`.
pub type Capacities = [u32; 8];

const ALIGN: u64 = 16;
const PAGE: u64 = 65536;

/// Element types of blocks, as the host sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    U8 = 1,
    I32 = 2,
    U32 = 3,
    F32 = 4,
    F64 = 5,
}

impl Kind {
    /// Bytes of one element.
    pub const fn size(self) -> u64 {
        match self {
            Kind::U8 => 1,
            Kind::I32 | Kind::U32 | Kind::F32 => 4,
            Kind::F64 => 8,
        }
    }
}

/// One array of the arena: byte offset, elements, kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Block {
    pub offset: u32,
    pub length: u32,
    pub kind: u32,
}

/// Lays the blocks out from `base` on; returns the end rounded up to a page, or None where 32 bits cannot address it.
pub fn plan(lengths: &[(Kind, u64)], base: u64, blocks: &mut [Block]) -> Option<u64> {
    let mut at = base;
    for (&(kind, length), block) in lengths.iter().zip(blocks.iter_mut()) {
        at = at.checked_add(ALIGN - 1)? / ALIGN * ALIGN;
        *block = Block { offset: u32::try_from(at).ok()?, length: u32::try_from(length).ok()?, kind: kind as u32 };
        at = at.checked_add(length.checked_mul(kind.size())?)?;
    }
    let end = at.checked_add(PAGE - 1)? / PAGE * PAGE;
    (end <= 1 << 32).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_aligned_disjoint_and_in_order() {
        let lengths = [(Kind::U8, 5), (Kind::F64, 3), (Kind::F32, 7)];
        let mut blocks = [Block::default(); 3];
        let end = plan(&lengths, 100, &mut blocks).unwrap();
        assert_eq!(blocks.map(|b| b.offset), [112, 128, 160]);
        assert_eq!(blocks.map(|b| b.length), [5, 3, 7]);
        assert_eq!(end, 65536);
    }

    #[test]
    fn what_32_bits_cannot_address_is_refused() {
        let mut blocks = [Block::default(); 2];
        assert_eq!(plan(&[(Kind::F64, u64::MAX)], 0, &mut blocks), None);
        assert_eq!(plan(&[(Kind::F64, 1 << 29)], 1, &mut blocks), None);
        assert_eq!(plan(&[(Kind::U8, u64::from(u32::MAX)), (Kind::U8, 17)], 0, &mut blocks), None);
    }
}
