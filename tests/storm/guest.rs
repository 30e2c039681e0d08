//! A plugin of the build, in as many versions as are wanted.

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
        let component = fs::read(&file).map_err(|error| {
            format!("{} cannot be read ({error}): run ./dev setup, which builds it", file.display())
        })?;
        Ok(Self { component })
    }

    /// The same code as another file: another SHA-256, and so another version.
    pub fn version(&self, number: u32) -> Vec<u8> {
        let mut section = vec![one_byte(SECTION)];
        section.extend(SECTION);
        section.extend(number.to_le_bytes());
        let mut file = self.component.clone();
        // A custom section is the id 0, the size and the content.
        file.extend([0, one_byte(&section)]);
        file.extend(section);
        file
    }
}

/// The length of a few bytes, as LEB128.
fn one_byte(bytes: &[u8]) -> u8 {
    u8::try_from(bytes.len()).ok().filter(|length| *length < 128).expect("a few bytes are fewer than 128")
}
