//! A plugin of the tests, in as many versions as are wanted.

use std::env;
use std::fs;

use super::stage::Failure;

/// The name of the section that makes versions differ. Custom sections mean nothing to wasm.
const SECTION: &[u8] = b"storm-version";

/// A component from the build's `guests` directory.
pub struct Guest {
    component: Vec<u8>,
}

impl Guest {
    /// Reads `guests/<name>.wasm` in the directory that this program was built to.
    pub fn read(name: &str) -> Result<Self, Failure> {
        let program = env::current_exe()?;
        let target = program.ancestors().nth(2).ok_or("this program is in no target directory")?;
        let file = target.join("guests").join(name).with_extension("wasm");
        let component = fs::read(&file)
            .map_err(|error| format!("{} cannot be read ({error}): run ./dev setup, which builds it", file.display()))?;
        Ok(Self { component })
    }

    /// The bytes of the component as it was built.
    pub fn size(&self) -> usize {
        self.component.len()
    }

    /// The same code as another file: another SHA-256, and so another version.
    pub fn version(&self, number: u32) -> Vec<u8> {
        let length = u8::try_from(SECTION.len()).expect("the name is short");
        let mut section = vec![length];
        section.extend(SECTION);
        section.extend(number.to_le_bytes());
        let mut file = self.component.clone();
        // A custom section: its id and its size, which is below 128 and so one byte of LEB128.
        file.extend([0, u8::try_from(section.len()).expect("the section is short")]);
        file.extend(section);
        file
    }

    /// A file that begins like a component and ends in the middle.
    pub fn broken(&self, number: u32) -> Vec<u8> {
        let mut file = self.version(number);
        file.truncate(file.len() / 2);
        file
    }
}
