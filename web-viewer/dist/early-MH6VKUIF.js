import{A as a,B as r,z as o}from"./chunk-755UWORS.js";import"./chunk-J4IB5HT4.js";export{r as dropEarly,o as opened,a as takeEarly};
