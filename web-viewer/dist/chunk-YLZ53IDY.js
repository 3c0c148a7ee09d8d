function o(n){let e=document.createElement("link");return e.rel="stylesheet",e.href=n.replace(/\.js$/,".css"),new Promise(r=>{e.onload=e.onerror=()=>r(),document.head.append(e)})}export{o as a};
