import{a,b as s,c as f,d as p,e as O}from"./chunk-OKBUZMU4.js";export{p as HOPS,O as hopsOf,f as pathOf,s as ratesOf,a as sampleOf};
