import"./chunk-TCI3UYWN.js";var n;
