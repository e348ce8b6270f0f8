document.title = "Rialto";
