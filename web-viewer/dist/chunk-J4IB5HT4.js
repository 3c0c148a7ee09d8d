var n=t=>crypto.getRandomValues(new Uint8Array(t));function r(t){let e=new Uint8Array(12);return new DataView(e.buffer).setBigUint64(4,BigInt(t)),e}export{n as a,r as b};
